"""Every way that a card number can take through the API: success, refusals, declines, outages, misuse."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.merchant import Answer, Merchant
from tests.e2e.card_numbers import TestCard
from tests.e2e.trial import until_answered

# What the contract takes.
LONGEST = 19
OPEN, BLOCKED, POOR = "cus_sweep_open", "cus_sweep_blocked", "cus_sweep_poor"

Send = Callable[[Merchant, TestCard], Answer]


@dataclass(frozen=True, kw_only=True)
class Way:
    """`outcomes`: a problem's code, a payment's decline reason or state, or a status; one of them must come."""

    name: str
    send: Send
    outcomes: frozenset[str]


def prepare(merchant: Merchant) -> None:
    """Make the customers that the ways need."""
    assert merchant.open_customer(OPEN, daily_limit_minor=999_999_999).status == 200
    assert merchant.open_customer(BLOCKED, status="blocked").status == 200
    assert merchant.open_customer(POOR, per_payment_limit_minor=1).status == 200


def outcome(answer: Answer) -> str:
    body = answer.body
    return str(body.get("code") or body.get("decline_reason") or body.get("status") or answer.status)


def document(card: TestCard, *, customer: str = OPEN, of_card: dict[str, object] | None = None, **fields: Any) -> Any:
    body = {"amount_minor": 7, "currency": "USD", "customer_id": customer, "card": card.document(**(of_card or {}))}
    return {**body, **fields}


def post(merchant: Merchant, data: bytes, **headers: str) -> Answer:
    return merchant.send("POST", "/payments", data, **{"Idempotency-Key": str(uuid.uuid4()), **headers})


def body(**changes: Any) -> Send:
    return lambda merchant, card: post(merchant, json.dumps(document(card, **changes)).encode())


def raw(make: Callable[[TestCard], bytes], **headers: str) -> Send:
    return lambda merchant, card: post(merchant, make(card), **headers)


def text(card: TestCard) -> str:
    return json.dumps(document(card))


def replaced(old: Callable[[TestCard], str], new: Callable[[TestCard], str]) -> Send:
    """The usual body with something in it written otherwise."""
    return raw(lambda card: text(card).replace(old(card), new(card)).encode())


def number(card: TestCard) -> str:
    return card.number


def quoted(card: TestCard) -> str:
    return f'"{card.number}"'


def paid(merchant: Merchant, card: TestCard, key: str, amount_minor: int = 7) -> Answer:
    return until_answered(lambda: merchant.pay(OPEN, amount_minor, card_number=card.number, cvv=card.cvv, key=key))


def twice(merchant: Merchant, card: TestCard) -> Answer:
    key = str(uuid.uuid4())
    paid(merchant, card, key)
    return paid(merchant, card, key)


def reused_key(merchant: Merchant, card: TestCard) -> Answer:
    key = str(uuid.uuid4())
    paid(merchant, card, key)
    return paid(merchant, card, key, amount_minor=8)


def captured(merchant: Merchant, card: TestCard) -> Answer:
    payment_id, key = paid(merchant, card, str(uuid.uuid4())).body["payment_id"], str(uuid.uuid4())
    until_answered(lambda: merchant.change(payment_id, "capture", key=key))
    return until_answered(lambda: merchant.change(payment_id, "refunds", key=key))


def without_signature(merchant: Merchant, card: TestCard) -> Answer:
    return merchant.send_unsigned("POST", "/payments", text(card).encode(), **{"Idempotency-Key": str(uuid.uuid4())})


def without_key(merchant: Merchant, card: TestCard) -> Answer:
    return merchant.request("POST", "/payments", document(card))


def at(method: str, path: Callable[[TestCard], str]) -> Send:
    return lambda merchant, card: merchant.request(
        method, path(card), document(card) if method != "GET" else None, **{"Idempotency-Key": str(uuid.uuid4())}
    )


def as_key(merchant: Merchant, card: TestCard) -> Answer:
    return post(merchant, text(card).encode(), **{"Idempotency-Key": f"order-{card.number}"})


def bad_digit(card: TestCard) -> str:
    return card.number[:-1] + str((int(card.number[-1]) + 1) % 10)


def way(name: str, send: Send, *outcomes: str) -> Way:
    return Way(name=name, send=send, outcomes=frozenset(outcomes))


MALFORMED = ("invalid_request", "body_malformed", "body_invalid")
WAYS = (
    way("authorised", body(), "authorized"),
    way("replayed", twice, "authorized"),
    way("key used with another body", reused_key, "idempotency_key_reused"),
    way("captured and refunded", captured, "refunded"),
    way("unknown customer", body(customer="cus_sweep_nobody"), "customer_unknown"),
    way("blocked customer", body(customer=BLOCKED), "customer_blocked"),
    way("beyond the limit", body(customer=POOR), "customer_limit"),
    way("another currency", body(currency="JPY"), "customer_currency"),
    way("bad check digit", replaced(number, bad_digit), "card_number_invalid"),
    way("too short", replaced(number, lambda card: card.number[:-1]), "card_number_invalid"),
    way("too long", replaced(number, lambda card: card.number.ljust(LONGEST + 1, "0")), *MALFORMED),
    way("no brand", replaced(number, lambda card: "9" + card.number[1:]), "card_brand_unsupported"),
    way("expired", body(of_card={"expiry_year": 2020}), "card_expired"),
    way("expiry too far away", body(of_card={"expiry_year": 2099}), "card_expiry_invalid"),
    way("no such month", body(of_card={"expiry_month": 13}), *MALFORMED),
    way("code too long", replaced(lambda card: f'"{card.cvv}"', lambda card: f'"{card.cvv}{card.cvv}"'), *MALFORMED),
    way("too much", body(amount_minor=999_999_999_999), "amount_out_of_range"),
    way("no such currency", body(currency="XXQ"), "currency_unsupported"),
    way("amount with a fraction", body(amount_minor=7.5), *MALFORMED),
    way("cut off", raw(lambda card: text(card).encode()[:-1]), *MALFORMED),
    way("number as an integer", replaced(quoted, number), *MALFORMED),
    way("number as a float", replaced(quoted, lambda card: f"{card.number}.0"), *MALFORMED),
    way("number with spaces", replaced(number, lambda card: f" {card.number} "), *MALFORMED),
    way("number as currency", replaced(lambda _: "USD", number), *MALFORMED),
    way("number as a name", replaced(lambda _: "amount_minor", number), *MALFORMED),
    way("number as customer", replaced(lambda _: OPEN, number), "body_invalid"),
    way("number as key", as_key, "idempotency_key_invalid"),
    way("number in a comment", raw(lambda card: f"{text(card)} // {card.number}".encode()), *MALFORMED),
    way("an unknown field", replaced(lambda _: "{", lambda card: f'{{"note": "{card.number}", '), *MALFORMED),
    way("only a text", raw(lambda card: json.dumps(card.number).encode()), *MALFORMED),
    way("not UTF-8", raw(lambda card: b"\xff\xfe" + text(card).encode()), *MALFORMED),
    way("UTF-16", raw(lambda card: text(card).encode("utf-16")), *MALFORMED, "authorized"),
    way("plain text", raw(lambda card: text(card).encode(), **{"Content-Type": "text/plain"}),
        "media_type_unsupported"),
    way("a form", raw(lambda card: f"number={card.number}&cvv={card.cvv}".encode(),
                      **{"Content-Type": "application/x-www-form-urlencoded"}), "media_type_unsupported"),
    way("no key", without_key, "invalid_request"),
    way("no signature", without_signature, "request_refused"),
    way("number in the path", at("GET", lambda card: f"/payments/{card.number}"), "request_filtered"),
    way("number in the query", at("GET", lambda card: f"/payments?customer={card.number}&limit={card.cvv}"),
        "request_filtered"),
    way("number as a customer's address", at("PUT", lambda card: f"/customers/cus_{card.number}"), "request_filtered"),
    way("no such path", at("POST", lambda card: f"/{card.number}"), "request_filtered"),
    way("no such method", at("PUT", lambda _: "/payments"), "request_refused"),
    way("card to capture", at("POST", lambda _: f"/payments/pay_{0:032x}/capture"), *MALFORMED, "payment_not_found"),
    way("card as terms", at("PUT", lambda _: "/customers/cus_sweep_terms"), *MALFORMED),
)  # fmt: skip
# While something is away: whatever the answer, it is one of these.
AWAY = frozenset(
    {
        "authorized", "declined", "fingerprint_unavailable", "processing_unavailable", "fraud_unavailable",
        "temporarily_unavailable", "database_unavailable", "outcome_unknown", "storage_unavailable",
        "configuration_unavailable", "idempotency_in_flight", "internal_error", "502",
    }
)  # fmt: skip
