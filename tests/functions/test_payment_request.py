"""Whatever comes in: a payment request, or a refusal that is the caller's fault and says nothing of what came."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_core.amount_limit import AmountLimit, AmountsByCurrency
from payment_core.errors import PaymentError
from payment_core.http import Request
from payment_core.problem import problem_response
from payment_validation.payment_request import PaymentRequest, read_payment_request
from tests.functions.cards import MASTERCARD, VISA, payment_body
from tests.functions.cloud import MERCHANT

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(VISA),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["card", VISA]), inner),
    max_leaves=10,
)
FIELDS = [*payment_body(), *(f"card.{name}" for name in payment_body()["card"])]


def _read(body: bytes, key: str = "k") -> PaymentRequest:
    request = Request(
        method="POST",
        path="/payments",
        headers={**MERCHANT, "idempotency-key": key},
        body=body,
        correlation_id="c",
    )
    limit = AmountLimit(cents=1_000_000, exceptions=AmountsByCurrency(""))
    return read_payment_request(request, amount_maximum=limit, now=datetime(2026, 3, 1, tzinfo=UTC))


def _assert_refused_quietly(body: bytes, key: str = "k") -> None:
    with pytest.raises(PaymentError) as refused:
        _read(body, key)
    answer = problem_response(refused.value, correlation_id="c")
    assert answer.status == 400
    assert VISA not in f"{answer.body}{refused.value!r}"


@given(st.binary())
def test_bytes_are_refused(body: bytes) -> None:
    _assert_refused_quietly(body)


@given(JSON)
def test_any_other_json_is_refused(document: object) -> None:
    _assert_refused_quietly(json.dumps(document).encode())


@given(st.sampled_from(FIELDS), JSON)
def test_a_field_that_is_something_else_is_refused_or_still_a_payment(field: str, value: Any) -> None:
    body = payment_body()
    holder = body["card"] if field.startswith("card.") else body
    holder[field.removeprefix("card.")] = value
    try:
        payment = _read(json.dumps(body).encode())
    except PaymentError:
        _assert_refused_quietly(json.dumps(body).encode())
    else:
        assert type(payment.money.amount_minor) is int
        assert 1 <= payment.money.amount_minor <= 1_000_000


@given(st.text(min_size=1).filter(lambda key: not (key.strip().isascii() and key.strip().isprintable())))
def test_a_key_that_is_not_printable_ascii_is_refused(key: str) -> None:
    _assert_refused_quietly(json.dumps(payment_body()).encode(), key)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255))
def test_any_printable_key_is_kept_as_it_is(key: str) -> None:
    assert _read(json.dumps(payment_body()).encode(), key).idempotency_key == key


@pytest.mark.parametrize(
    ("customer_id", "key"),
    [
        (VISA, "k"),
        (f"cus_{VISA}", "k"),
        ("cus_1", f"order-{VISA}-1"),
        ("4242-4242-4242-4242", "k"),
        ("42-42-42-42-42-42-42-42", "k"),
        (f"cus_{MASTERCARD}", "k"),
        ("cus_1", VISA),
        ("cus_1", "order/4242.4242.4242.4242"),
    ],
)
def test_a_card_number_is_not_let_in_under_another_name(customer_id: str, key: str) -> None:
    _assert_refused_quietly(json.dumps(payment_body(customer_id=customer_id)).encode(), key)
