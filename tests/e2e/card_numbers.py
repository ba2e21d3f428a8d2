"""Card numbers that no bank issues: from the ranges of published test numbers, each with a valid check digit."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from integ_tests.cards import TEST_RANGES, draw_number


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


def draw_cards(chance: random.Random, count: int) -> list[TestCard]:
    """Distinct cards. No security code is one that also is an HTTP status, which every log is full of."""
    cards: dict[str, TestCard] = {}
    while len(cards) < count:
        start, (_, length) = chance.choice(list(TEST_RANGES.items()))
        number = draw_number(chance, start, length)
        code = f"{chance.randrange(1000, 10000)}" if length == 15 else f"{chance.randrange(600, 1000)}"
        cards[number] = TestCard(number=number, cvv=code)
    return list(cards.values())
