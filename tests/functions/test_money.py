"""Money is whole minor units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_core.currencies import EXPONENTS
from payment_core.errors import ErrorCode
from payment_core.money import InvalidMoney, Money


@pytest.mark.parametrize(("currency", "exponent"), [("JPY", 0), ("USD", 2), ("EUR", 2), ("BHD", 3), ("KWD", 3)])
def test_exponents_are_those_of_iso_4217(currency: str, exponent: int) -> None:
    assert Money(amount_minor=1, currency=currency).exponent == exponent


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (1099, "USD", "10.99 USD"),
        (5, "USD", "0.05 USD"),
        (0, "USD", "0.00 USD"),
        (1099, "JPY", "1099 JPY"),
        (1099, "BHD", "1.099 BHD"),
        (7, "BHD", "0.007 BHD"),
    ],
)
def test_money_is_written_with_its_currency_s_decimals(amount_minor: int, currency: str, text: str) -> None:
    assert str(Money(amount_minor=amount_minor, currency=currency)) == text


@given(st.integers(0, 10**12), st.sampled_from(sorted(EXPONENTS)))
def test_writing_money_loses_nothing(amount_minor: int, currency: str) -> None:
    digits = str(Money(amount_minor=amount_minor, currency=currency)).removesuffix(f" {currency}").replace(".", "")
    assert int(digits) == amount_minor


@pytest.mark.parametrize("amount", [10.99, 10.0, True, "1099", None, -1])
def test_anything_but_a_whole_number_is_refused(amount: object) -> None:
    with pytest.raises(InvalidMoney) as refused:
        Money(amount_minor=amount, currency="USD")  # type: ignore[arg-type]
    assert refused.value.code is ErrorCode.AMOUNT_OUT_OF_RANGE


@pytest.mark.parametrize("currency", ["usd", "XXX", "XAU", "DEM", ""])
def test_a_currency_without_a_minor_unit_is_refused(currency: str) -> None:
    with pytest.raises(InvalidMoney) as refused:
        Money(amount_minor=1, currency=currency)
    assert refused.value.code is ErrorCode.CURRENCY_UNSUPPORTED
