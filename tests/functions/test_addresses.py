"""The firewall keeps card numbers out of addresses, which are logged, and refuses no address that the API hands out."""

import re
import string
from datetime import UTC, datetime
from urllib.parse import quote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integ_tests.cards import TEST_RANGES
from payment_core.customer_id import usable_customer_id
from payment_validation.brands import RANGES
from stages.constructs.firewall import CARD_NUMBER
from transaction_processing.ledger import Position
from transaction_processing.listing import _cursor

_HEX = string.digits + "abcdef"
# Decimal digits more often than by chance: they are what could be taken for a card number.
hexadecimal = st.text(_HEX, min_size=32, max_size=32) | st.text(string.digits, min_size=32, max_size=32)


def refused(text: str) -> bool:
    return re.search(CARD_NUMBER, unquote_plus(text)) is not None


@pytest.mark.parametrize("place", ["/live/payments/{}", "/live/customers/cus_{}", "customer={}&limit=5", "{}", "x={}"])
def test_every_number_that_a_brand_may_have_is_refused(place: str) -> None:
    for accepted in RANGES:
        for first in (accepted.first, accepted.last):
            for length in accepted.lengths:
                assert refused(place.format(first.ljust(length, "0")))


def test_an_encoded_number_is_refused_too() -> None:
    number = "".join(f"%{ord(digit):02X}" for digit in next(iter(TEST_RANGES)).ljust(16, "0"))
    assert refused(f"/live/payments/{number}")


@given(hexadecimal)
def test_the_id_of_a_payment_is_never_refused(digits: str) -> None:
    assert not refused(f"/live/payments/pay_{digits}/capture")


@given(hexadecimal)
def test_a_uuid_is_never_refused(digits: str) -> None:
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    assert not refused(f"/live/customers/{'-'.join(parts)}")
    assert not refused(f"/live/customers/{digits}")


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year >= 1970), hexadecimal)
def test_a_page_is_never_refused(moment: datetime, digits: str) -> None:
    created_at = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    cursor = _cursor(Position(created_at=created_at, payment_id=f"pay_{digits}"))
    assert not re.search("[0-9]{4}", cursor)
    since = quote(moment.isoformat(timespec="microseconds"))
    assert not refused(f"customer=cus_1&from={since}&limit=100&cursor={cursor}")


@given(
    st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
    | st.from_regex(r"(cus_)?[2-6][0-9]{11,19}[-x]?", fullmatch=True)
)
def test_every_customer_that_can_be_made_can_be_reached(customer_id: str) -> None:
    if usable_customer_id(customer_id):
        assert not refused(f"/live/customers/{customer_id}")
        assert not refused(f"customer={customer_id}&limit=5")
