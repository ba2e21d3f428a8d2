"""What validation knows about cards."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_core.errors import ErrorCode
from payment_core.luhn import check_digit, luhn_valid
from payment_validation.brands import Brand, brand_range
from payment_validation.card import check_card
from payment_validation.errors import InvalidPayment
from tests.functions import cards

NOW = datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
DIGITS = st.text("0123456789", min_size=11, max_size=18)

PUBLISHED = [
    (cards.VISA, Brand.VISA),
    (cards.MASTERCARD, Brand.MASTERCARD),
    ("2223003122003222", Brand.MASTERCARD),
    (cards.AMEX, Brand.AMEX),
    (cards.DISCOVER, Brand.DISCOVER),
    (cards.DINERS, Brand.DINERS),
    (cards.JCB, Brand.JCB),
    (cards.UNIONPAY, Brand.UNIONPAY),
]


@given(DIGITS)
def test_exactly_one_check_digit_makes_a_number_valid(digits: str) -> None:
    assert [digit for digit in "0123456789" if luhn_valid(digits + digit)] == [check_digit(digits)]


@given(DIGITS, st.data())
def test_any_single_wrong_digit_is_noticed(digits: str, data: st.DataObject) -> None:
    number = digits + check_digit(digits)
    position = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[position]]))
    assert not luhn_valid(number[:position] + wrong + number[position + 1 :])


@given(DIGITS, st.data())
def test_two_swapped_neighbours_are_noticed_but_for_zero_and_nine(digits: str, data: st.DataObject) -> None:
    number = digits + check_digit(digits)
    position = data.draw(st.integers(0, len(number) - 2))
    left, right = number[position], number[position + 1]
    swapped = number[:position] + right + left + number[position + 2 :]
    harmless = left == right or {left, right} == {"0", "9"}
    assert luhn_valid(swapped) == harmless


@pytest.mark.parametrize(("number", "brand"), PUBLISHED)
def test_published_test_numbers_have_their_brand(number: str, brand: Brand) -> None:
    card = check_card(
        number=number, cvv="1234" if brand is Brand.AMEX else "123", expiry_month=12, expiry_year=2030, now=NOW
    )
    assert (card.brand, card.bin, card.last_four) == (brand, number[:6], number[-4:])


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("2220990000000000", None),
        ("2221000000000000", Brand.MASTERCARD),
        ("2720990000000000", Brand.MASTERCARD),
        ("2721000000000000", None),
        ("6221250000000000", Brand.UNIONPAY),
        ("6221260000000000", Brand.DISCOVER),
        ("6229250000000000", Brand.DISCOVER),
        ("6229260000000000", Brand.UNIONPAY),
        ("1000000000000000", None),
    ],
)
def test_ranges_end_where_the_brands_say(number: str, brand: Brand | None) -> None:
    found = brand_range(number)
    assert (found.brand if found else None) == brand


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": cards.VISA[:-1] + "1"}, ErrorCode.CARD_NUMBER_INVALID),
        ({"number": "42424242424242" + check_digit("42424242424242")}, ErrorCode.CARD_NUMBER_INVALID),
        ({"number": "9999999999999995"}, ErrorCode.CARD_BRAND_UNSUPPORTED),
        ({"expiry_year": 2025, "expiry_month": 12}, ErrorCode.CARD_EXPIRED),
        ({"expiry_year": 2026, "expiry_month": 1}, ErrorCode.CARD_EXPIRED),
        ({"expiry_year": 2047}, ErrorCode.CARD_EXPIRY_INVALID),
        ({"cvv": "1234"}, ErrorCode.CVV_INVALID),
        ({"number": cards.AMEX, "cvv": "123"}, ErrorCode.CVV_INVALID),
    ],
)
def test_a_card_that_cannot_be_is_refused(changes: dict[str, object], code: ErrorCode) -> None:
    card = {"number": cards.VISA, "cvv": "123", "expiry_month": 12, "expiry_year": 2030, **changes}
    with pytest.raises(InvalidPayment) as refused:
        check_card(now=NOW, **card)  # type: ignore[arg-type]
    assert refused.value.code is code


def test_a_card_is_good_through_the_last_second_of_its_month_in_utc() -> None:
    card = {"number": cards.VISA, "cvv": "123", "expiry_month": 2, "expiry_year": 2026}
    check_card(now=NOW, **card)  # type: ignore[arg-type]
    with pytest.raises(InvalidPayment):
        check_card(now=datetime(2026, 3, 1, tzinfo=UTC), **card)  # type: ignore[arg-type]


def test_a_card_does_not_show_its_number_or_code() -> None:
    card = check_card(number=cards.VISA, cvv="987", expiry_month=12, expiry_year=2030, now=NOW)
    assert cards.VISA not in repr(card)
    assert "987" not in repr(card)
