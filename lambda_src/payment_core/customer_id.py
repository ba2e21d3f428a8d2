"""How a merchant may name its customers."""

import re

from payment_core.card_numbers import holds_card_number
from payment_core.luhn import luhn_valid

_CUSTOMER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAY_BE_A_CARD_NUMBER = re.compile(r"[0-9]{12,19}")
# The firewall, which knows no check digits, stops these in addresses: no customer may be out of reach.
_STOPPED_IN_ADDRESSES = re.compile(r"(?<![0-9A-Fa-f])(?:2[2-7]|[3-6][0-9])[0-9]{11,17}(?![0-9A-Fa-f])")


def usable_customer_id(text: str) -> bool:
    """Whether a customer can have this id: it is kept and logged, so one that may hold a card number cannot.

    An id of nothing but digits may be a card of any scheme.
    """
    if not _CUSTOMER_ID.fullmatch(text) or _STOPPED_IN_ADDRESSES.search(text) or holds_card_number(text):
        return False
    return not (_MAY_BE_A_CARD_NUMBER.fullmatch(text) and luhn_valid(text))
