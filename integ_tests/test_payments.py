"""Payments on the idle colour: what a merchant would see if this release were live."""

import json
import time
import uuid

import boto3
import pytest

from integ_tests.cards import BAD_CHECK_DIGIT, DECLINED, VELOCITY, Card
from integ_tests.client import Answer, Body, PaymentClient, payment_body
from integ_tests.environment import Deployed
from release import names
from release.names import Colour

PROBLEM = "application/problem+json"
FOUND_WITHIN_SECONDS = 30
# More than `fraud-open-up-to-minor`, less than what a customer of these tests may pay.
ABOVE_OPEN_LIMIT_MINOR = 20_000


def payments_of(session: boto3.Session, deployed: Deployed, customer_id: str) -> set[str]:
    """The ids of the customer's payments, by the index. A merchant is an account and a role, never a session."""
    caller = session.client("sts").get_caller_identity()
    merchant_id = f"{caller['Account']}:{caller['UserId'].partition(':')[0]}"
    pages = (
        session.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=deployed["TransactionsTableName"],
            IndexName="by-customer",
            KeyConditionExpression="customer_key = :customer",
            ExpressionAttributeValues={":customer": {"S": f"{merchant_id}#{customer_id}"}},
        )
    )
    return {item["payment_id"]["S"] for page in pages for item in page["Items"]}


def only_payment_of(session: boto3.Session, deployed: Deployed, customer_id: str) -> str:
    """The customer's only payment. The index is behind the table, so what is newest is waited for."""
    deadline = time.monotonic() + FOUND_WITHIN_SECONDS
    while not (found := payments_of(session, deployed, customer_id)) and time.monotonic() < deadline:
        time.sleep(0.5)
    (payment,) = found
    return payment


def assert_problem(answer: Answer, status: int) -> None:
    assert answer.status == status, answer
    assert answer.media_type == PROBLEM, answer.headers
    document = answer.json()
    assert document["status"] == status
    assert document["title"]
    assert document["type"]


def assert_authorized(answer: Answer) -> str:
    """Returns the payment's id."""
    assert answer.status == 201, answer
    document = answer.json()
    assert document["status"] == "authorized", answer
    return str(document["payment_id"])


def assert_declined(answer: Answer, reason: str) -> None:
    assert answer.status == 201, answer
    document = answer.json()
    assert (document["status"], document["decline_reason"]) == ("declined", reason)


def test_a_customer_is_opened_and_read_back(merchant: PaymentClient) -> None:
    customer_id = f"cus_{uuid.uuid4().hex}"
    assert merchant.send("GET", f"/customers/{customer_id}").status == 404
    put = merchant.put_customer(customer_id, per_payment_limit_minor=12_345)
    assert put.status == 200, put
    got = merchant.send("GET", f"/customers/{customer_id}")
    assert got.json()["per_payment_limit_minor"] == 12_345
    assert got.json()["status"] == "active"


def test_a_payment_is_authorized_and_read_back(merchant: PaymentClient, customer_id: str, card: Card) -> None:
    paid = merchant.pay(payment_body(card, customer_id=customer_id, amount_minor=2599))
    payment_id = assert_authorized(paid)
    document = paid.json()
    assert (document["amount_minor"], document["currency"]) == (2599, "USD")
    assert document["customer_id"] == customer_id
    assert document["card"]["brand"] == card.brand
    assert card.number.startswith(document["card"]["bin"])
    assert card.number.endswith(document["card"]["last_four"])
    assert document["created_at"]
    read = merchant.payment(payment_id)
    assert read.status == 200, read
    assert read.json() == document


def test_a_replay_is_identical_to_the_byte(
    merchant: PaymentClient, session: boto3.Session, deployed: Deployed, customer_id: str, card: Card
) -> None:
    key, body = str(uuid.uuid4()), payment_body(card, customer_id=customer_id)
    first, again = merchant.pay(body, key=key), merchant.pay(body, key=key)
    payment_id = assert_authorized(first)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status, again.content) == (first.status, first.content)
    assert only_payment_of(session, deployed, customer_id) == payment_id


def test_a_key_belongs_to_one_body(merchant: PaymentClient, customer_id: str, card: Card) -> None:
    key = str(uuid.uuid4())
    assert_authorized(merchant.pay(payment_body(card, customer_id=customer_id), key=key))
    other = merchant.pay(payment_body(card, customer_id=customer_id, amount_minor=1), key=key)
    assert_problem(other, 422)


def test_the_idle_colour_answers_with_the_deployed_version(
    merchant: PaymentClient, session: boto3.Session, deployed: Deployed, idle_colour: Colour, customer_id: str
) -> None:
    """Through the preview stage, whatever colour the caller asks for."""
    alias = session.client("lambda").get_alias(
        FunctionName=deployed["TransactionProcessingFunctionName"], Name=idle_colour.value
    )
    wish = {names.COLOUR_HEADER: idle_colour.other.value}
    answer = merchant.send("GET", f"/customers/{customer_id}", headers=wish)
    assert answer.status == 200, answer
    assert answer.headers["x-release-color"] == idle_colour.value
    assert answer.headers["x-release-version"] == alias["FunctionVersion"]
    assert answer.headers["x-correlation-id"]


def bad_bodies() -> dict[str, Body]:
    number = BAD_CHECK_DIGIT.number
    floating = payment_body(BAD_CHECK_DIGIT, customer_id="cus_x").content.replace(b"1099", b"10.99")
    return {
        "no JSON": Body(b'{"amount_minor": 10'),
        "no object": Body(b"[]"),
        "no card": Body(json.dumps({"amount_minor": 1099, "currency": "USD", "customer_id": "cus_x"}).encode()),
        "a float for money": Body(floating, secrets=(number,)),
        "an unknown field": payment_body(BAD_CHECK_DIGIT, customer_id="cus_x", surprise=True),
        "a negative amount": payment_body(BAD_CHECK_DIGIT, customer_id="cus_x", amount_minor=-1),
        "a currency that is none": payment_body(BAD_CHECK_DIGIT, customer_id="cus_x", currency="dollars"),
    }


@pytest.mark.parametrize("fault", bad_bodies())
def test_a_malformed_body_is_refused(merchant: PaymentClient, fault: str) -> None:
    assert_problem(merchant.pay(bad_bodies()[fault]), 400)


def test_what_was_refused_leaves_nothing_behind(
    merchant: PaymentClient, session: boto3.Session, deployed: Deployed, customer_id: str, card: Card
) -> None:
    """Malformed, bad check digit, no key: after each the key is as good as new, and no payment exists."""
    key, good = str(uuid.uuid4()), payment_body(card, customer_id=customer_id)
    malformed = Body(good.content[:-1], secrets=good.secrets)
    assert_problem(merchant.pay(malformed, key=key), 400)
    assert_problem(merchant.pay(payment_body(BAD_CHECK_DIGIT, customer_id=customer_id), key=key), 400)
    assert_problem(merchant.send("POST", "/payments", good), 400)
    paid = merchant.pay(good, key=key)
    payment_id = assert_authorized(paid)
    assert "idempotent-replayed" not in paid.headers
    assert only_payment_of(session, deployed, customer_id) == payment_id


def test_a_bad_check_digit_is_refused(merchant: PaymentClient, customer_id: str) -> None:
    answer = merchant.pay(payment_body(BAD_CHECK_DIGIT, customer_id=customer_id))
    assert_problem(answer, 400)
    assert answer.json()["code"] == "card_number_invalid"


def test_a_payment_needs_an_idempotency_key(merchant: PaymentClient, customer_id: str, card: Card) -> None:
    assert_problem(merchant.send("POST", "/payments", payment_body(card, customer_id=customer_id)), 400)


def test_the_sandbox_s_declined_card_is_declined(merchant: PaymentClient, customer_id: str) -> None:
    assert_declined(merchant.pay(payment_body(DECLINED, customer_id=customer_id)), "card_declined")


def test_an_unknown_customer_s_payment_is_declined(merchant: PaymentClient, card: Card) -> None:
    unknown = f"cus_{uuid.uuid4().hex}"
    assert_declined(merchant.pay(payment_body(card, customer_id=unknown)), "customer_unknown")


def test_a_blocked_customer_s_payment_is_declined(merchant: PaymentClient, card: Card, customer_id: str) -> None:
    assert merchant.put_customer(customer_id, status="blocked").status == 200
    assert_declined(merchant.pay(payment_body(card, customer_id=customer_id)), "customer_blocked")


def test_too_many_payments_with_one_card_are_declined(
    merchant: PaymentClient, session: boto3.Session, deployed: Deployed, customer_id: str
) -> None:
    name = names.config_parameter(deployed.suffix, "velocity-limit-per-card")
    limit = int(session.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    # Counters are per window, and one may end meanwhile: two windows hold at most twice the limit.
    assert merchant.put_customer(customer_id).status == 200
    # So much is refused without a score, and a repetition is the same attempt: none passes uncounted.
    body = payment_body(VELOCITY, customer_id=customer_id, amount_minor=ABOVE_OPEN_LIMIT_MINOR)
    for attempt in range(2 * limit + 1):
        answer = merchant.wake("POST", "/payments", body, key=str(uuid.uuid4()))
        if answer.json()["status"] == "declined":
            assert_declined(answer, "velocity_exceeded")
            return
        assert_authorized(answer)
        assert attempt < 2 * limit, "the limit never came"


def test_unsigned_requests_are_refused(stranger: PaymentClient, card: Card) -> None:
    for answer in (
        stranger.pay(payment_body(card, customer_id="cus_x")),
        stranger.payment("pay_x"),
        stranger.put_customer("cus_x"),
    ):
        assert answer.status == 403, answer


def test_an_unknown_payment_is_not_found(merchant: PaymentClient) -> None:
    assert_problem(merchant.payment(str(uuid.uuid4())), 404)
