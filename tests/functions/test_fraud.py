"""Fraud detection: counters that nothing overfills, a score that can be explained, and an end to waiting for it."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import fraud_detection.countries
from fraud_detection.attempt import Attempt
from fraud_detection.block_list import BlockList
from fraud_detection.countries import issuing_country
from fraud_detection.scoring import Assessment, Decision, Signals, Thresholds, assess
from fraud_detection.screening import Screening
from fraud_detection.velocity import Velocity, VelocityCounter
from payment_core.errors import DependencyUnavailable
from payment_core.release_identity import Colour
from tests.functions import cards
from tests.functions.dynamodb import FakeDynamoDb
from tests.functions.processing import ORDER
from tests.functions.system import System
from tests.functions.workers import forget_workers
from transaction_processing.fraud import FraudFunction, Verdict

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
WINDOW = int(NOW.timestamp()) // 60
THRESHOLDS = Thresholds(review_score=65, decline_score=75, amount_high_minor=5_000)
ATTEMPT = Attempt(
    payment_id=ORDER.payment_id,
    merchant_id=ORDER.merchant_id,
    customer_id="cus_1",
    fingerprint="0123456789abcdef",
    bin="424242",
    amount_minor=1099,
    billing_country=None,
    source_address="192.0.2.1",
)
QUIET = Signals(blocked=(), velocities={}, amount_minor=1, billing_country=None, issuing_country=None)


class Fraud:
    """One environment's fraud detection."""

    def __init__(self) -> None:
        self.dynamodb = FakeDynamoDb()
        self.limits = {"card": 5, "customer": 5, "address": 5}
        self.now = NOW

    def screen(self, **changes: Any) -> Assessment:
        with ThreadPoolExecutor(4) as pool:
            return Screening(
                counter=VelocityCounter(client=self.dynamodb, table_name="velocity", window_seconds=60),
                block_list=BlockList(client=self.dynamodb, table_name="velocity"),
                limits=self.limits,
                thresholds=THRESHOLDS,
                executor=pool,
            ).screen(replace(ATTEMPT, **changes), now=self.now)

    def block(self, key: str, **more: Any) -> None:
        self.dynamodb.put_item(TableName="velocity", Item={"pk": {"S": f"block#{key}"}, **more})


@pytest.fixture
def fraud() -> Fraud:
    return Fraud()


def payment(number: int) -> str:
    return f"pay_{number:032x}"[:4] + f"{number:012x}" + "0" * 20


def test_of_a_hundred_attempts_at_once_exactly_the_limit_passes() -> None:
    client = FakeDynamoDb()
    counter = VelocityCounter(client=client, table_name="velocity", window_seconds=60)
    with ThreadPoolExecutor(16) as pool:
        counted = list(pool.map(lambda number: counter.count("card#fp", f"p{number}", limit=5, now=NOW), range(100)))
    assert sorted(found.count for found in counted if found.count) == [1, 2, 3, 4, 5]
    (item,) = client.items("velocity")
    assert (item["pk"], len(item["members"]), item["expires_at"]) == (f"card#fp#{WINDOW}", 5, (WINDOW + 2) * 60)


def test_an_attempt_that_is_asked_about_again_is_counted_once_and_passes_again() -> None:
    counter = VelocityCounter(client=FakeDynamoDb(), table_name="velocity", window_seconds=60)
    counts = [counter.count("card#fp", member, limit=2, now=NOW).count for member in ("a", "a", "b", "a", "c", "b")]
    assert counts == [1, 1, 2, 2, None, 2]


def test_a_new_window_starts_at_none() -> None:
    counter = VelocityCounter(client=FakeDynamoDb(), table_name="velocity", window_seconds=60)
    first = NOW.replace(second=59)
    assert counter.count("s", "a", limit=1, now=first).count == 1
    assert counter.count("s", "b", limit=1, now=first).count is None
    assert counter.count("s", "b", limit=1, now=first.replace(minute=1, second=0)).count == 1


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("card", lambda n: {"payment_id": payment(n), "customer_id": f"c{n}", "source_address": f"192.0.2.{n}"}),
        ("customer", lambda n: {"payment_id": payment(n), "fingerprint": f"{n:012x}0000", "source_address": None}),
        ("address", lambda n: {"payment_id": payment(n), "fingerprint": f"{n:012x}0000", "customer_id": f"c{n}"}),
    ],
)
def test_card_customer_and_address_have_a_counter_each(
    fraud: Fraud, kind: str, changes: Callable[[int], dict[str, Any]]
) -> None:
    found = [fraud.screen(**changes(number)) for number in range(1, 8)]
    assert [each.decision for each in found] == ["approve"] * 5 + ["decline"] * 2
    assert found[-1].reasons[0] == f"{kind}_velocity_exceeded"
    assert [f"{kind}_velocity_high" in each.reasons for each in found[:5]] == [False, False, True, True, True]


def test_many_payments_of_one_card_from_one_address_are_one_card_there(fraud: Fraud) -> None:
    fraud.limits["card"] = fraud.limits["customer"] = 100
    assert {fraud.screen(payment_id=payment(number)).decision for number in range(20)} == {Decision.APPROVE}


def test_a_customer_s_id_counts_for_its_merchant_only(fraud: Fraud) -> None:
    fraud.limits["customer"] = 1
    for merchant in ("a", "b"):
        found = fraud.screen(merchant_id=merchant, payment_id=payment(ord(merchant)))
        assert found.decision is Decision.APPROVE


@pytest.mark.parametrize(
    "key",
    [
        "card#0123456789abcdef",
        "customer#555555555555:AROAMERCHANT#cus_1",
        "address#192.0.2.1",
        "bin#424242",
    ],
)
def test_what_an_operator_blocks_is_declined_until_the_entry_ends(fraud: Fraud, key: str) -> None:
    fraud.block(key, expires_at={"N": str(int(NOW.timestamp()) + 1)})
    found = fraud.screen()
    assert (found.decision, found.score, found.reasons[0]) == (
        Decision.DECLINE,
        100,
        f"{key.partition('#')[0]}_on_block_list",
    )
    fraud.now = NOW.replace(second=31)
    assert fraud.screen().decision is Decision.APPROVE


def test_a_table_that_does_not_answer_is_no_approval(fraud: Fraud) -> None:
    for operation in ("batch_get_item", "update_item"):
        fraud.dynamodb.time_out(operation, after_writing=False)
        with pytest.raises(DependencyUnavailable):
            fraud.screen()


@pytest.mark.parametrize(
    ("changes", "decision", "score", "reasons"),
    [
        ({}, "approve", 0, ()),
        ({"amount_minor": 5_000}, "approve", 30, ("amount_high",)),
        ({"billing_country": "DE", "issuing_country": "US"}, "approve", 40, ("country_mismatch",)),
        ({"billing_country": "US", "issuing_country": "US"}, "approve", 0, ()),
        ({"billing_country": "DE"}, "approve", 0, ()),
        (
            {"amount_minor": 5_000, "billing_country": "DE", "issuing_country": "US"},
            "review",
            70,
            ("country_mismatch", "amount_high"),
        ),
        (
            {
                "amount_minor": 5_000,
                "billing_country": "DE",
                "issuing_country": "US",
                "velocities": {"card": Velocity(count=4, limit=5)},
            },
            "decline",
            85,
            ("country_mismatch", "amount_high", "card_velocity_high"),
        ),
        ({"blocked": ("bin", "card")}, "decline", 100, ("bin_on_block_list", "card_on_block_list")),
    ],
)
def test_a_score_is_the_sum_of_its_reasons(
    changes: dict[str, Any], decision: str, score: int, reasons: tuple[str, ...]
) -> None:
    found = assess(replace(QUIET, **changes), THRESHOLDS)
    assert (found.decision, found.score, found.reasons) == (decision, score, reasons)


def test_the_table_of_countries_says_what_it_is_and_holds_nothing_else() -> None:
    table = json.loads(Path(fraud_detection.countries.__file__).with_name("bin_countries.json").read_text())
    assert table["source"]
    assert "Sandbox" in table["purpose"]
    assert all(len(bin_) == 6 and bin_.isdigit() for bin_ in table["countries"])
    assert (issuing_country("424242"), issuing_country("353011"), issuing_country("400000")) == ("US", "JP", None)


def test_a_card_that_is_tried_too_often_is_declined_until_its_window_ends(system: System) -> None:
    # One window that nobody sees the end of: sixty real seconds may end in the middle of this test.
    system.cloud.ssm.values["velocity-window-seconds"] = "86400000"
    statuses = [system.pay(customer_id="cus_1").json.get("decline_reason") for _ in range(7)]
    assert statuses == [None] * 5 + ["velocity_exceeded"] * 2
    assert system.pay(card={"number": cards.MASTERCARD}).json["status"] == "authorized"


def test_a_high_amount_billed_in_another_country_is_flagged_for_review(system: System) -> None:
    answer = system.pay(amount_minor=500_000, billing_country="DE")
    assert (answer.json["status"], answer.json["review"]) == ("authorized", True)
    assert system.send("GET", f"/payments/{answer.json['payment_id']}").json == answer.json
    system.put_customer("cus_2", per_payment_limit_minor=10**6, daily_limit_minor=10**7)
    assert "review" not in system.pay(amount_minor=500_000, billing_country="US", customer_id="cus_2").json


def test_a_threshold_is_effective_without_a_deployment(system: System) -> None:
    assert system.pay(billing_country="DE").json["status"] == "authorized"
    system.cloud.ssm.values["fraud-decline-score"] = "40"
    forget_workers()
    assert system.pay(billing_country="DE").json["decline_reason"] == "fraud_suspected"


@pytest.mark.parametrize(("open_up_to", "expected"), [("1099", "authorized"), ("1098", "fraud_unavailable")])
def test_a_score_that_comes_too_late_is_none(system: System, open_up_to: str, expected: str) -> None:
    system.cloud.ssm.values |= {"fraud-budget-milliseconds": "100", "fraud-open-up-to-minor": open_up_to}
    forget_workers()
    ended, score = threading.Event(), system.cloud.functions.handlers["payment-test-fraud"]

    def late(event: Any, context: Any) -> Any:
        ended.wait(5)
        return score(event, context)

    system.cloud.functions.handlers["payment-test-fraud"] = late
    started = time.monotonic()
    answer = system.pay(key="k")
    took = time.monotonic() - started
    ended.set()
    assert answer.json.get("status" if answer.status == 201 else "code") == expected
    assert answer.json.get("review", False) is (expected == "authorized")
    assert took < 2


@pytest.mark.parametrize(("open_up_to", "outcome"), [("1099", "let_through"), ("1098", "refused")])
@pytest.mark.parametrize("trouble", ["late", "crashed", "throttled"])
def test_a_payment_without_a_score_is_counted_by_what_became_of_it(
    system: System, capsys: pytest.CaptureFixture[str], trouble: str, open_up_to: str, outcome: str
) -> None:
    system.cloud.ssm.values |= {"fraud-budget-milliseconds": "100", "fraud-open-up-to-minor": open_up_to}
    forget_workers()
    functions, ended = system.cloud.functions, threading.Event()
    if trouble == "late":
        functions.handlers["payment-test-fraud"] = lambda _event, _context: ended.wait(5)
    elif trouble == "crashed":
        functions.crashing = "payment-test-fraud"
    else:
        throttled: Any = {"Error": {"Code": "TooManyRequestsException"}, "ResponseMetadata": {"HTTPStatusCode": 429}}
        functions.failing, functions.failure = "payment-test-fraud", ClientError(throttled, "Invoke")
    system.pay(colour="green")
    ended.set()
    by_colour, by_outcome = _unscored(capsys.readouterr().out)
    assert (by_colour["Unscored"], by_outcome["Unscored"]) == ([1.0], [1.0])
    assert (by_colour["Colour"], by_outcome["Colour"], by_outcome["Outcome"]) == ("green", "green", outcome)
    assert "Outcome" not in by_colour


def test_a_score_that_comes_counts_as_none_missing(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    assert system.pay().json["status"] == "authorized"
    assert [entry["Unscored"] for entry in _unscored(capsys.readouterr().out)] == [[0.0]]


def _unscored(out: str) -> list[dict[str, Any]]:
    return [entry for line in out.splitlines() if "Unscored" in (entry := json.loads(line))]


def test_a_decision_that_is_not_known_is_none() -> None:
    class Strange:
        def invoke(self, **_: Any) -> Any:
            raise AssertionError("not asked")

    with ThreadPoolExecutor(1) as pool:
        function = FraudFunction(
            lambda_client=Strange(), function_name="f", colour=Colour.BLUE, budget_seconds=1, executor=pool
        )
        for answer in ({"decision": Verdict.UNCHECKED}, {"decision": "approve"}, {"code": "internal_error"}):
            function._invoke = lambda _, said=answer: said  # type: ignore[method-assign, misc]
            with pytest.raises(DependencyUnavailable):
                function.ask(ORDER.question())()
