"""A card that has been checked. Number and security code never show in a repr, an error or a comparison's output."""

from dataclasses import dataclass, field
from datetime import datetime

from payment_core.errors import ErrorCode
from payment_core.luhn import luhn_valid
from payment_validation.brands import Brand, brand_range, cvv_length
from payment_validation.errors import InvalidPayment

# No brand issues a card for longer.
MAXIMUM_VALIDITY_YEARS = 20


@dataclass(frozen=True, kw_only=True)
class Card:
    """Made by `check_card` only."""

    number: str = field(repr=False)
    cvv: str = field(repr=False)
    expiry_month: int
    expiry_year: int
    brand: Brand

    @property
    def bin(self) -> str:
        """The issuer's part of the number; with the last four digits all that PCI DSS 3.4.1 lets anyone see."""
        return self.number[:6]

    @property
    def last_four(self) -> str:
        return self.number[-4:]


def check_card(*, number: str, cvv: str, expiry_month: int, expiry_year: int, now: datetime) -> Card:
    """A card whose number, brand, expiry and security code fit together at `now` (UTC). Raises `InvalidPayment`."""
    found = brand_range(number)
    if found is None:
        raise InvalidPayment(
            ErrorCode.CARD_BRAND_UNSUPPORTED, "Cards of this brand are not accepted.", field="card.number"
        )
    if len(number) not in found.lengths or not luhn_valid(number):
        raise InvalidPayment(
            ErrorCode.CARD_NUMBER_INVALID, "Length or check digit of the card number is wrong.", field="card.number"
        )
    if expiry_year > now.year + MAXIMUM_VALIDITY_YEARS:
        raise InvalidPayment(
            ErrorCode.CARD_EXPIRY_INVALID, "The expiry date is too far away.", field="card.expiry_year"
        )
    # A card is good through the last day of its month, in UTC.
    if (expiry_year, expiry_month) < (now.year, now.month):
        raise InvalidPayment(ErrorCode.CARD_EXPIRED, "The card's expiry date has passed.", field="card.expiry_month")
    if len(cvv) != cvv_length(found.brand):
        raise InvalidPayment(
            ErrorCode.CVV_INVALID, "The security code does not have this brand's length.", field="card.cvv"
        )
    return Card(number=number, cvv=cvv, expiry_month=expiry_month, expiry_year=expiry_year, brand=found.brand)
