"""The check digit of card numbers (ISO/IEC 7812-1, annex B)."""


def luhn_valid(digits: str) -> bool:
    """Whether the last of `digits`, decimal digits only, is the check digit of those before it."""
    return _luhn_sum(digits) % 10 == 0


def check_digit(digits: str) -> str:
    """The digit that makes `digits` valid when put behind them."""
    return str(-_luhn_sum(digits + "0") % 10)


def _luhn_sum(digits: str) -> int:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) << (position % 2)
        total += value - 9 if value > 9 else value
    return total
