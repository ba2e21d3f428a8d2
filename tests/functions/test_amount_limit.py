"""A limit means about as much in every currency, whatever its minor unit is."""

import pytest

from payment_core.amount_limit import AmountLimit, AmountsByCurrency
from stages.compute import TUNABLES
from tests.functions.system import System
from tests.functions.workers import forget_workers


@pytest.mark.parametrize(
    ("currency", "largest"),
    [("USD", 1_000_000), ("JPY", 1_000_000), ("BHD", 10_000_000), ("IDR", 16_000_000_000)],
)
def test_a_limit_goes_by_the_currency_s_decimals_or_by_its_own_number(currency: str, largest: int) -> None:
    limit = AmountLimit(cents=1_000_000, exceptions=AmountsByCurrency("IDR=16000000000 KRW=14000000"))
    assert limit.minor(currency) == largest


@pytest.mark.parametrize("text", ["IDR", "IDR=", "idr=1", "IDR=-1", "IDR=1.5", "XXX=1", "1000", "IDR=1,KRW=2"])
def test_a_parameter_that_is_no_list_of_amounts_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        AmountsByCurrency(text)


def test_what_is_deployed_is_a_list_of_amounts() -> None:
    assert AmountsByCurrency(TUNABLES["amount-maximum-by-currency"])


@pytest.mark.parametrize(("currency", "largest"), [("BHD", 10_000_000), ("IDR", 16_000_000_000)])
def test_a_payment_up_to_the_currency_s_limit_is_taken_and_one_above_is_refused(
    system: System, currency: str, largest: int
) -> None:
    system.put_customer("cus_big", currency=currency, per_payment_limit_minor=10**11, daily_limit_minor=10**11)
    made = system.pay(customer_id="cus_big", currency=currency, amount_minor=largest)
    assert made.json["status"] == "authorized", made.text
    above = system.pay(customer_id="cus_big", currency=currency, amount_minor=largest + 1)
    assert (above.status, above.json["code"]) == (400, "amount_out_of_range")


def test_a_currency_s_own_limit_is_effective_without_a_deployment(system: System) -> None:
    system.cloud.ssm.values["amount-maximum-by-currency"] = "USD=1098"
    forget_workers()
    assert system.pay().json["code"] == "amount_out_of_range"
