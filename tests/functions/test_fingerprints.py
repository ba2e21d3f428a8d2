"""Fingerprints recognise what is the same, and nothing can be learned from them without the key."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from payment_core.amount_limit import AmountLimit, AmountsByCurrency
from payment_core.http import Request
from payment_validation.fingerprints import Fingerprints
from payment_validation.payment_request import PaymentRequest, read_payment_request
from tests.functions import cards
from tests.functions.cloud import MERCHANT, FakeKms


def _payment(**changes: Any) -> PaymentRequest:
    request = Request(
        method="POST",
        path="/payments",
        headers={**MERCHANT, "idempotency-key": "k"},
        body=json.dumps(cards.payment_body(**changes)).encode(),
        correlation_id="c",
    )
    limit = AmountLimit(cents=10**6, exceptions=AmountsByCurrency(""))
    return read_payment_request(request, amount_maximum=limit, now=datetime(2026, 3, 1, tzinfo=UTC))


def _of_request(**changes: object) -> str:
    fingerprints, payment = Fingerprints(kms=FakeKms(), key_id="key-1"), _payment(**changes)
    return fingerprints.of_request(payment, card_fingerprint=fingerprints.of_card(payment.card.number))


def test_a_card_has_one_fingerprint_and_another_card_another() -> None:
    fingerprints = Fingerprints(kms=FakeKms(), key_id="key-1")
    assert fingerprints.of_card(cards.VISA) == fingerprints.of_card(cards.VISA)
    assert fingerprints.of_card(cards.VISA) != fingerprints.of_card(cards.MASTERCARD)


def test_a_fingerprint_is_no_plain_hash_of_the_number() -> None:
    fingerprint = Fingerprints(kms=FakeKms(), key_id="key-1").of_card(cards.VISA)
    assert fingerprint not in {hashlib.new(name, cards.VISA.encode()).hexdigest() for name in ("sha256", "md5", "sha1")}


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_minor": 1100},
        {"currency": "EUR"},
        {"customer_id": "cus_2"},
        {"card": {"number": cards.MASTERCARD}},
        {"card": {"expiry_month": 11}},
        {"card": {"expiry_year": 2031}},
        {"billing_country": "US"},
    ],
)
def test_another_payment_is_another_request(changes: dict[str, object]) -> None:
    assert _of_request(**changes) != _of_request()


def test_nothing_that_is_stored_depends_on_the_security_code() -> None:
    assert _of_request(card={"cvv": "321"}) == _of_request(card={"cvv": "123"})


def test_a_card_s_fingerprint_cannot_pass_for_the_key_that_requests_are_fingerprinted_with() -> None:
    messages: list[bytes] = []

    class Recording(FakeKms):
        def generate_mac(self, *, KeyId: str, MacAlgorithm: str, Message: bytes) -> object:  # noqa: N803
            messages.append(Message)
            return super().generate_mac(KeyId=KeyId, MacAlgorithm=MacAlgorithm, Message=Message)

    fingerprints = Fingerprints(kms=Recording(), key_id="key-1")
    fingerprints.of_request(_payment(), card_fingerprint=fingerprints.of_card(cards.VISA))
    card, request_key = messages
    assert not card.startswith(request_key)
    assert not request_key.startswith(card.removesuffix(cards.VISA.encode()))
