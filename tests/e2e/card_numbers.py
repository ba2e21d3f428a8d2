"""Card numbers that no bank issues: from the ranges of published test numbers, each with a valid check digit."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

# The first digits of the test numbers that payment providers publish, with the length of a number.
TEST_RANGES = {
    "4242424242": 16,
    "4111111111": 16,
    "4000056655": 16,
    "5555555555": 16,
    "5200828282": 16,
    "2223003122": 16,
    "378282246": 15,
    "371449635": 15,
    "6011111111": 16,
    "3566002020": 16,
    "30569309": 14,
    "6200000000": 16,
}


class Hidden(dict[str, object]):
    """Does not show when a test fails."""

    def __repr__(self) -> str:
        return "<card>"


@dataclass(frozen=True, kw_only=True)
class TestCard:
    """Number and security code do not show when a test fails."""

    __test__ = False

    number: str = field(repr=False)
    cvv: str = field(repr=False)

    def document(self, **fields: object) -> dict[str, object]:
        """The card as a merchant sends it; `fields` replace or add to it."""
        return Hidden({"number": self.number, "expiry_month": 12, "expiry_year": 2034, "cvv": self.cvv, **fields})


def check_digit(digits: str) -> str:
    """The digit that makes `digits` a valid number when it is put at their end (ISO/IEC 7812-1)."""
    doubled = [int(d) * (2 - i % 2) for i, d in enumerate(reversed(digits))]
    return str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


def draw_cards(chance: random.Random, count: int) -> list[TestCard]:
    """Distinct cards. No security code is one that also is an HTTP status, which every log is full of."""
    cards: dict[str, TestCard] = {}
    while len(cards) < count:
        start, length = chance.choice(list(TEST_RANGES.items()))
        digits = start + "".join(chance.choice("0123456789") for _ in range(length - 1 - len(start)))
        number = digits + check_digit(digits)
        code = f"{chance.randrange(1000, 10000)}" if length == 15 else f"{chance.randrange(600, 1000)}"
        cards[number] = TestCard(number=number, cvv=code)
    return list(cards.values())
