"""Published test card numbers: no bank has issued them."""

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
# The fraud rule counts tries per card: tests do not share one, so that they cannot decline each other.
_APPROVED: Final = (
    Card(brand="mastercard", number="5555555555554444"),
    Card(brand="amex", number="378282246310005", cvv="1234"),
    Card(brand="mastercard", number="2223003122003222"),
    Card(brand="visa", number="4000056655665556"),
    Card(brand="discover", number="6011000990139424"),
    Card(brand="amex", number="371449635398431", cvv="1234"),
    Card(brand="jcb", number="3566002020360505"),
    Card(brand="diners", number="3056930009020004"),
    Card(brand="mastercard", number="5200828282828210"),
    Card(brand="mastercard", number="5105105105105100"),
)


def approved_cards() -> Iterator[Card]:
    """The next card that nothing has been paid with, as long as there are any."""
    return cycle(_APPROVED)
