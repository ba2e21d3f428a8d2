"""Captures, voids, refunds and lists on the idle colour."""

import time
import uuid

import pytest

from integ_tests.cards import Card
from integ_tests.client import PaymentClient, payment_body
from integ_tests.test_payments import assert_authorized, assert_declined, assert_problem

LISTED_WITHIN_SECONDS = 30


@pytest.fixture
def payment_id(merchant: PaymentClient, customer_id: str, card: Card) -> str:
    """An authorised payment of 1099."""
    return assert_authorized(merchant.pay(payment_body(card, customer_id=customer_id)))


@pytest.mark.parametrize("currency", ["USD", "JPY", "BHD"])
def test_money_is_conserved_from_authorisation_to_the_last_refund(
    merchant: PaymentClient, card: Card, currency: str
) -> None:
    customer_id = f"cus_{uuid.uuid4().hex}"
    assert merchant.put_customer(customer_id, currency=currency).status == 200
    body = payment_body(card, customer_id=customer_id, currency=currency)
    made = assert_authorized(merchant.pay(body))
    for amount, captured in ((1, 1), (1000, 1001), (None, 1099)):
        answer = merchant.change(made, "capture", amount)
        assert (answer.status, answer.json()["captured_minor"]) == (200, captured), answer
    for amount, refunded in ((99, 99), (None, 1099)):
        answer = merchant.change(made, "refunds", amount)
        assert (answer.status, answer.json()["refunded_minor"]) == (201, refunded), answer
    shown = merchant.payment(made).json()
    assert (shown["status"], shown["amount_minor"]) == ("refunded", 1099)
    assert (shown["captured_minor"], shown["refunded_minor"]) == (1099, 1099)


def test_too_much_is_refused_and_changes_nothing(merchant: PaymentClient, payment_id: str) -> None:
    assert_problem(merchant.change(payment_id, "capture", 1100), 422)
    assert merchant.change(payment_id, "capture", 100).status == 200
    before = merchant.payment(payment_id).content
    assert_problem(merchant.change(payment_id, "capture", 1000), 422)
    assert_problem(merchant.change(payment_id, "refunds", 101), 422)
    assert_problem(merchant.change(payment_id, "void"), 409)
    assert merchant.payment(payment_id).content == before


def test_a_repeated_capture_is_the_same_bytes_and_captures_once(merchant: PaymentClient, payment_id: str) -> None:
    key = str(uuid.uuid4())
    first, again = (merchant.change(payment_id, "capture", 10, key=key) for _ in range(2))
    assert (again.status, again.content) == (first.status, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(merchant.change(payment_id, "capture", 11, key=key), 422)
    assert merchant.payment(payment_id).json()["captured_minor"] == 10


def test_a_voided_payment_is_over(merchant: PaymentClient, payment_id: str) -> None:
    assert merchant.change(payment_id, "void").json()["status"] == "voided"
    assert_problem(merchant.change(payment_id, "capture"), 409)


@pytest.mark.parametrize("kind", ["capture", "void", "refunds"])
def test_a_change_needs_a_key(merchant: PaymentClient, payment_id: str, kind: str) -> None:
    assert_problem(merchant.send("POST", f"/payments/{payment_id}/{kind}"), 400)


def test_a_customer_s_payments_are_listed_page_by_page(
    merchant: PaymentClient, customer_id: str, payment_id: str, card: Card
) -> None:
    expected = [payment_id, assert_authorized(merchant.pay(payment_body(card, customer_id=customer_id)))]
    deadline = time.monotonic() + LISTED_WITHIN_SECONDS
    while (found := _pages(merchant, customer_id)) != expected and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found == expected
    later = merchant.send("GET", f"/payments?customer={customer_id}&from=2999-01-01")
    assert later.json() == {"payments": []}


def test_a_list_needs_a_customer(merchant: PaymentClient) -> None:
    assert_problem(merchant.send("GET", "/payments"), 400)


def test_the_way_to_the_functions_is_open(merchant: PaymentClient) -> None:
    answer = merchant.send("GET", "/health")
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


def _pages(merchant: PaymentClient, customer_id: str) -> list[str]:
    found, cursor = [], ""
    while True:
        page = merchant.send("GET", f"/payments?customer={customer_id}&limit=1{cursor}").json()
        found += [payment["payment_id"] for payment in page["payments"]]
        if "next_cursor" not in page:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_the_payments_of_a_day_stay_within_the_customer_s_limit(merchant: PaymentClient, card: Card) -> None:
    customer_id = f"cus_{uuid.uuid4().hex}"
    assert merchant.put_customer(customer_id, daily_limit_minor=2000).status == 200
    assert_authorized(merchant.pay(payment_body(card, customer_id=customer_id)))
    assert_declined(merchant.pay(payment_body(card, customer_id=customer_id)), "customer_daily_limit")
    assert_authorized(merchant.pay(payment_body(card, customer_id=customer_id, amount_minor=901)))
