"""Published test card numbers and their ranges: no bank has issued them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Card:
    """Number and security code do not show when a test fails."""

    brand: str
    number: str = field(repr=False)
    cvv: str = field(repr=False, default="123")


WARM_UP: Final = Card(brand="visa", number="4242424242424242")
VELOCITY: Final = Card(brand="discover", number="6011111111111117")
DECLINED: Final = Card(brand="visa", number="4000000000000002")
BAD_CHECK_DIGIT: Final = Card(brand="visa", number="4242424242424241")
# The first digits of published test numbers, the brand, and how many digits a number has.
TEST_RANGES: Final = {
    "4242424242": ("visa", 16),
    "4111111111": ("visa", 16),
    "4000056655": ("visa", 16),
    "5555555555": ("mastercard", 16),
    "5200828282": ("mastercard", 16),
    "2223003122": ("mastercard", 16),
    "378282246": ("amex", 15),
    "371449635": ("amex", 15),
    "6011111111": ("discover", 16),
    "3566002020": ("jcb", 16),
    "30569309": ("diners", 14),
    "6200000000": ("unionpay", 16),
}


def check_digit(digits: str) -> str:
    """The digit that makes `digits` a valid number when it is put at their end (ISO/IEC 7812-1)."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return str(-sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10)


def draw_number(chance: random.Random, start: str, length: int) -> str:
    """A valid number of the range that begins with `start`."""
    digits = start + "".join(chance.choice("0123456789") for _ in range(length - 1 - len(start)))
    return digits + check_digit(digits)


def approved_cards() -> Iterator[Card]:
    """Cards of the test ranges, each a new one.

    The fraud rule counts tries per card and minute: neither two tests nor two runs that follow each other within one
    may share a card, or they decline each other's payments.
    """
    chance = random.SystemRandom()
    drawn = {WARM_UP.number, VELOCITY.number, DECLINED.number}
    for start, (brand, length) in cycle(TEST_RANGES.items()):
        while (number := draw_number(chance, start, length)) in drawn:
            pass
        drawn.add(number)
        yield Card(brand=brand, number=number, cvv="1234" if brand == "amex" else "123")
