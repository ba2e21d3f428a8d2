"""The functions together, from the load balancer's event to the answer."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from tests.functions import cards
from tests.functions.cards import payment_body
from tests.functions.cloud import context
from tests.functions.system import Answer, System
from tests.functions.workers import forget_workers


def _code(answer: Answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status, answer.json["code"]


def _service_error(status: int) -> ClientError:
    refused: Any = {"Error": {"Code": "Refused", "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(refused, "Invoke")


def _written(system: System) -> int:
    return system.cloud.dynamodb.writes


def test_a_payment_is_made_and_read_back(system: System) -> None:
    made = system.pay()
    assert (made.status, made.json["status"]) == (201, "authorized")
    assert made.json["card"] == {"brand": "visa", "bin": "424242", "last_four": "4242"}
    read = system.send("GET", f"/payments/{made.json['payment_id']}")
    assert (read.status, read.json) == (200, made.json)


@pytest.mark.parametrize("colour", ["blue", "green"])
def test_colour_stays_within_colour_and_every_answer_says_which_it_was(system: System, colour: str) -> None:
    answers = [
        system.pay(colour=colour),
        system.send("POST", "/payments", b"{", key="k", colour=colour),
        system.send("GET", "/payments/none", colour=colour),
    ]
    assert set(system.cloud.functions.qualifiers) == {colour}
    for answer in answers:
        assert answer.headers["X-Release-Color"] == colour
        assert answer.headers["X-Release-Version"] == "7"
        assert answer.headers["X-Correlation-Id"] == "c-test"


def test_a_replay_is_the_same_bytes(system: System) -> None:
    first, second = system.pay(key="k"), system.pay(key="k")
    assert (second.status, second.text) == (first.status, first.text)
    assert second.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_minor": 1100},
        {"currency": "EUR"},
        {"customer_id": "cus_2"},
        {"card": {"number": cards.MASTERCARD}},
        {"card": {"expiry_year": 2031}},
    ],
)
def test_the_same_key_with_another_body_is_refused(system: System, changes: dict[str, Any]) -> None:
    system.pay(key="k")
    written = _written(system)
    assert _code(system.pay(key="k", **changes)) == (422, "idempotency_key_reused")
    assert _written(system) == written


def test_json_may_be_written_differently_and_is_the_same_request(system: System) -> None:
    first = system.pay(key="k")
    respelled = json.dumps(dict(reversed(payment_body().items())), indent=3).encode()
    assert system.send("POST", "/payments", respelled, key="k").text == first.text


@pytest.mark.parametrize(
    ("body", "key", "code"),
    [
        (payment_body(), None, "idempotency_key_missing"),
        (payment_body(), "", "idempotency_key_missing"),
        (payment_body(), "k" * 256, "idempotency_key_invalid"),
        (payment_body(), "k k", "idempotency_key_invalid"),
        (b"{", "k", "body_malformed"),
        (payment_body(surprise=1), "k", "body_invalid"),
        (payment_body(amount_minor=1_000_001), "k", "amount_out_of_range"),
        (payment_body(currency="XXX"), "k", "currency_unsupported"),
        (payment_body(customer_id=cards.MASTERCARD), "k", "body_invalid"),
        (payment_body(card={"number": "4242424242424241"}), "k", "card_number_invalid"),
        (payment_body(card={"expiry_year": 2020}), "k", "card_expired"),
    ],
)
def test_a_bad_request_is_400_and_nobody_else_hears_of_it(
    system: System, body: object, key: str | None, code: str
) -> None:
    written, invoked, macs = _written(system), len(system.cloud.functions.payloads), system.cloud.kms.calls
    assert _code(system.send("POST", "/payments", body, key=key)) == (400, code)
    after = _written(system), len(system.cloud.functions.payloads), system.cloud.kms.calls
    assert after == (written, invoked, macs)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_a_body_that_does_not_say_it_is_json_is_415_and_nobody_else_hears_of_it(
    system: System, media_type: str
) -> None:
    """API Gateway would not have checked it."""
    written, invoked = _written(system), len(system.cloud.functions.payloads)
    answer = system.send("POST", "/payments", payment_body(), key="k", headers={"content-type": media_type})
    assert _code(answer) == (415, "media_type_unsupported")
    assert (_written(system), len(system.cloud.functions.payloads)) == (written, invoked)


def test_json_may_name_its_character_set(system: System) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert system.send("POST", "/payments", payment_body(), key="k", headers=headers).status == 201


def test_a_key_of_255_characters_is_fine(system: System) -> None:
    assert system.pay(key="k" * 255).status == 201


def test_a_caller_that_the_edge_did_not_name_is_refused(system: System) -> None:
    for path, method in (("/payments", "POST"), ("/payments/p", "GET"), ("/customers/c", "GET")):
        answer = system.send(method, path, payment_body(), key="k", headers={"x-caller-account": ""})
        assert _code(answer) == (403, "caller_unknown")


def test_another_merchant_s_payment_and_customer_are_not_there(system: System) -> None:
    payment_id = system.pay().json["payment_id"]
    system.merchant = {**system.merchant, "x-caller-id": f"AROA{uuid.uuid4().hex}:session"}
    assert _code(system.send("GET", f"/payments/{payment_id}")) == (404, "payment_not_found")
    assert _code(system.send("GET", "/customers/cus_1")) == (404, "customer_not_found")
    declined = system.pay()
    assert (declined.json["status"], declined.json["decline_reason"]) == ("declined", "customer_unknown")


def test_another_session_of_the_same_role_is_the_same_merchant(system: System) -> None:
    payment_id = system.pay().json["payment_id"]
    role = system.merchant["x-caller-id"].partition(":")[0]
    system.merchant = {**system.merchant, "x-caller-id": f"{role}:another-session"}
    assert system.send("GET", f"/payments/{payment_id}").status == 200


@pytest.mark.parametrize("payment_id", ["pay_0", "META", "pay_" + "0" * 32, "%2e%2e", "pay_" + "0" * 31 + "%0A"])
def test_what_is_no_payment_is_not_found(system: System, payment_id: str) -> None:
    assert _code(system.send("GET", f"/payments/{payment_id}")) == (404, "payment_not_found")


def test_a_blocked_customer_is_declined_at_once(system: System) -> None:
    assert system.pay().json["status"] == "authorized"
    system.put_customer(status="blocked")
    assert system.pay().json["decline_reason"] == "customer_blocked"


def test_a_customer_is_put_and_got(system: System) -> None:
    made = system.put_customer("cus_new", currency="JPY", daily_limit_minor=7)
    assert made.json == system.send("GET", "/customers/cus_new").json
    assert {name: made.json[name] for name in ("customer_id", "status", "currency", "daily_limit_minor")} == {
        "customer_id": "cus_new",
        "status": "active",
        "currency": "JPY",
        "daily_limit_minor": 7,
    }
    changed = system.put_customer("cus_new", status="blocked")
    assert (changed.json["status"], changed.json["created_at"]) == ("blocked", made.json["created_at"])


@pytest.mark.parametrize(
    ("customer_id", "changes", "code"),
    [
        ("cus%201", {}, "body_invalid"),
        (cards.MASTERCARD, {}, "body_invalid"),
        ("c" * 65, {}, "body_invalid"),
        ("cus_1", {"status": "gone"}, "body_invalid"),
        ("cus_1", {"per_payment_limit_minor": -1}, "body_invalid"),
        ("cus_1", {"surprise": 1}, "body_invalid"),
        ("cus_1", {"currency": "XXX"}, "currency_unsupported"),
    ],
)
def test_terms_that_cannot_be_are_refused(
    system: System, customer_id: str, changes: dict[str, object], code: str
) -> None:
    assert _code(system.put_customer(customer_id, **changes)) == (400, code)


@pytest.mark.parametrize(
    ("number", "reason"), [(cards.DECLINED, "card_declined"), (cards.INSUFFICIENT_FUNDS, "insufficient_funds")]
)
def test_documented_test_cards_are_declined_as_documented(system: System, number: str, reason: str) -> None:
    answer = system.pay(card={"number": number})
    assert (answer.status, answer.json["status"], answer.json["decline_reason"]) == (201, "declined", reason)


def test_fraud_detection_that_fails_is_no_approval(system: System) -> None:
    system.cloud.dynamodb.time_out("update_item", after_writing=False)
    assert _code(system.pay(key="k")) == (503, "fraud_unavailable")
    assert system.pay(key="k").json["status"] == "authorized"


def test_with_the_database_away_the_answer_is_503_and_the_key_stays_usable(system: System) -> None:
    port = system.cloud.ssm.values["database-port"]
    system.cloud.ssm.values["database-port"] = "9"
    forget_workers()
    answer = system.pay(key="k")
    assert _code(answer) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert system.cloud.dynamodb.items("transactions") == system.cloud.dynamodb.items("idempotency") == []
    (message,) = system.cloud.sns.messages
    assert json.loads(message)["code"] == "database_unavailable"
    system.cloud.ssm.values["database-port"] = port
    forget_workers()
    assert system.pay(key="k").json["status"] == "authorized"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ReadTimeoutError(endpoint_url="https://lambda.invalid"), (504, "outcome_unknown")),
        (ConnectionClosedError(endpoint_url="https://lambda.invalid"), (504, "outcome_unknown")),
        (_service_error(500), (504, "outcome_unknown")),
        (_service_error(429), (503, "processing_unavailable")),
        (ConnectTimeoutError(endpoint_url="https://lambda.invalid"), (503, "processing_unavailable")),
    ],
)
def test_silence_of_processing_is_told_from_refusal(
    system: System, failure: Exception, expected: tuple[int, str]
) -> None:
    system.cloud.functions.failure = failure
    answer = system.pay()
    assert _code(answer) == expected
    assert "Retry-After" in answer.headers


def test_a_processing_that_is_ended_half_way_leaves_the_outcome_unknown(system: System) -> None:
    system.cloud.functions.crashing = "payment-test-processing"
    assert _code(system.pay()) == (504, "outcome_unknown")


def test_nothing_is_handed_on_when_nobody_would_hear_the_answer(system: System) -> None:
    system.remaining_milliseconds = 6900
    answer = system.pay(key="k")
    assert _code(answer) == (503, "processing_unavailable")
    assert system.cloud.functions.payloads == []
    system.remaining_milliseconds = 9000
    assert system.pay(key="k").json["status"] == "authorized"


def test_with_the_key_service_away_nothing_is_handed_on(system: System) -> None:
    system.cloud.kms.failure = ConnectTimeoutError(endpoint_url="https://kms.invalid")
    assert _code(system.pay()) == (503, "fingerprint_unavailable")
    assert system.cloud.functions.payloads == []


def test_one_payment_needs_one_call_of_the_key_service_once_a_worker_is_warm(system: System) -> None:
    system.pay()
    calls = system.cloud.kms.calls
    system.pay()
    assert system.cloud.kms.calls == calls + 1


def test_one_authorised_payment_makes_the_calls_that_are_documented(system: System) -> None:
    """docs/performance.md counts them; the customer's row is one more, and a real acquirer another."""
    system.pay()
    cloud = system.cloud
    before = cloud.kms.calls, len(cloud.functions.payloads), len(cloud.dynamodb.calls), cloud.ssm.reads
    system.pay()
    assert (cloud.kms.calls, len(cloud.functions.payloads), cloud.ssm.reads) == (
        before[0] + 1,
        before[1] + 2,
        before[3],
    )
    claim, *fraud, received, settled = cloud.dynamodb.calls[before[2] :]
    assert (claim, received, settled) == ("put_item", "transact_write_items", "transact_write_items")
    # Side by side.
    assert sorted(fraud) == ["batch_get_item", "update_item", "update_item", "update_item"]


def test_a_function_called_with_an_unknown_operation_says_so(system: System) -> None:
    for handler in system.cloud.functions.handlers.values():
        answer = handler({"operation": "surprise"}, context("processing"))
        assert answer.get("code", "route_not_found") == "route_not_found"
        assert "decision" not in answer
