"""From an HTTP request to a payment that is worth authorising."""

from dataclasses import dataclass
from datetime import datetime

from payment_core.amount_limit import AmountLimit
from payment_core.caller import merchant_id, source_address
from payment_core.card_numbers import holds_digits_of
from payment_core.customer_id import usable_customer_id
from payment_core.documents import read_document
from payment_core.errors import ErrorCode
from payment_core.http import Request
from payment_core.idempotency_key import idempotency_key
from payment_core.money import Money
from payment_validation.card import Card, check_card
from payment_validation.errors import InvalidPayment


@dataclass(frozen=True, kw_only=True)
class PaymentRequest:
    """What a merchant asks for."""

    merchant_id: str
    idempotency_key: str
    customer_id: str
    money: Money
    card: Card
    billing_country: str | None
    source_address: str | None


def read_payment_request(request: Request, *, amount_maximum: AmountLimit, now: datetime) -> PaymentRequest:
    """Check everything that can be checked without asking anyone. `now` is UTC. Raises `PaymentError`."""
    merchant = merchant_id(request.headers)
    key = idempotency_key(request.headers)
    body = read_document(request.body, schema="create_payment")
    money = Money(amount_minor=body["amount_minor"], currency=body["currency"])
    maximum = amount_maximum.minor(money.currency)
    if not 1 <= money.amount_minor <= maximum:
        raise InvalidPayment(
            ErrorCode.AMOUNT_OUT_OF_RANGE,
            f"The amount must be from 1 to {maximum} minor units.",
            field="amount_minor",
        )
    card = check_card(now=now, **body["card"])
    _refuse_card_number_elsewhere(card, customer_id=body["customer_id"], idempotency_key=key)
    return PaymentRequest(
        merchant_id=merchant,
        idempotency_key=key,
        customer_id=body["customer_id"],
        money=money,
        card=card,
        billing_country=body.get("billing_country"),
        source_address=source_address(request.headers),
    )


def _refuse_card_number_elsewhere(card: Card, *, customer_id: str, idempotency_key: str) -> None:
    """These two are stored: a merchant who names customers or requests by card number must not get it past here."""
    if holds_digits_of(card.number, customer_id) or not usable_customer_id(customer_id):
        raise InvalidPayment(
            ErrorCode.BODY_INVALID, "A customer's id must not hold a card number.", field="customer_id"
        )
    if holds_digits_of(card.number, idempotency_key):
        raise InvalidPayment(
            ErrorCode.IDEMPOTENCY_KEY_INVALID, "The key must not hold a card number.", field="Idempotency-Key"
        )
