"""An unknown outcome is a state of its own, and nothing stays in it."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from payment_core.clock import timestamp, utc_now
from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.luhn import luhn_valid
from payment_core.sandbox import SandboxOutcome, sandbox_token
from payment_validation.sandbox_tokens import TEST_CARDS
from tests.functions.processing import ORDER, Killed, Processing, document
from tests.functions.system import System
from transaction_processing.idempotency import LEASE
from transaction_processing.payments import AuthorizePayment
from transaction_processing.sweep import PaymentsNotSwept, handler
from transaction_processing.sweeping import SETTLED_WITHIN, Swept

APPROVED = replace(ORDER, token=sandbox_token(SandboxOutcome.UNKNOWN_THEN_APPROVED, "n"))
DECLINED = replace(ORDER, token=sandbox_token(SandboxOutcome.UNKNOWN_THEN_DECLINED, "n"))
UNAVAILABLE = replace(ORDER, token=sandbox_token(SandboxOutcome.UNAVAILABLE, "n"))
OUTCOMES = [(APPROVED, "authorized"), (DECLINED, "declined")]


@pytest.fixture
def processing() -> Processing:
    return Processing()


@pytest.mark.parametrize(("order", "settled"), OUTCOMES)
def test_the_client_that_comes_back_learns_the_outcome(
    processing: Processing, order: AuthorizePayment, settled: str
) -> None:
    assert processing.refusal(order) is ErrorCode.OUTCOME_UNKNOWN
    assert processing.failures.codes == [ErrorCode.OUTCOME_UNKNOWN]
    assert processing.history() == ["received", "unknown"]
    answer = processing.authorize(order)
    assert document(answer)["status"] == settled
    assert processing.history() == ["received", "unknown", settled]
    assert processing.authorize(order).body == answer.body


@pytest.mark.parametrize(("order", "settled"), OUTCOMES)
def test_the_sweeper_settles_what_nobody_comes_back_for_and_the_client_s_retry_learns_it(
    processing: Processing, order: AuthorizePayment, settled: str
) -> None:
    processing.refusal(order)
    processing.clock.advance(SETTLED_WITHIN)
    assert processing.sweep() == Swept(settled=1)
    assert processing.history() == ["received", "unknown", settled]
    assert processing.sweep() == Swept()
    assert document(processing.authorize(order))["status"] == settled
    assert processing.history() == ["received", "unknown", settled]


def test_a_payment_whose_worker_was_killed_is_settled_after_a_while_and_not_before(processing: Processing) -> None:
    processing.acquirer.failure = Killed()
    with pytest.raises(Killed):
        processing.authorize()
    processing.acquirer.failure = None
    processing.clock.advance(SETTLED_WITHIN - timedelta(seconds=1))
    assert processing.sweep() == Swept()
    processing.clock.advance(timedelta(seconds=1))
    assert processing.sweep() == Swept(settled=1)
    assert processing.history() == ["received", "authorized"]
    assert document(processing.authorize())["status"] == "authorized"
    assert set(processing.acquirer.asked) == {ORDER.payment_id}


def test_what_cannot_be_settled_is_told_and_does_not_keep_others_from_it(processing: Processing) -> None:
    for number in range(4):
        processing.refusal(replace(APPROVED, idempotency_key=f"key-{number}"))
    processing.clock.advance(SETTLED_WITHIN)
    settle, asked = processing.acquirer.authorize, []

    def once_away(**order: object) -> str | None:
        asked.append(order)
        if len(asked) == 1:
            raise DependencyUnavailable(ErrorCode.ACQUIRER_UNAVAILABLE, "Away.")
        return settle(**order)  # type: ignore[arg-type]

    processing.acquirer.authorize = once_away  # type: ignore[method-assign]
    told = len(processing.failures.codes)
    assert processing.sweep() == Swept(settled=3, unsettled=1)
    assert processing.failures.codes[told:] == [ErrorCode.ACQUIRER_UNAVAILABLE]
    assert processing.sweep() == Swept(settled=1)


def test_one_run_waits_for_what_is_too_young_and_ends_at_once_when_nobody_waits(processing: Processing) -> None:
    started = processing.clock.now
    assert processing.sweeper().run() == Swept()
    assert processing.clock.now == started
    processing.refusal(APPROVED)
    assert processing.sweeper().run() == Swept(settled=1)
    assert processing.clock.now - started == SETTLED_WITHIN
    assert processing.history() == ["received", "unknown", "authorized"]


def test_one_run_asks_once_for_what_cannot_be_settled(processing: Processing) -> None:
    processing.refusal(APPROVED)
    processing.clock.advance(SETTLED_WITHIN)
    processing.acquirer.failure = DependencyUnavailable(ErrorCode.ACQUIRER_UNAVAILABLE, "Away.")
    asked = len(processing.acquirer.asked)
    assert processing.sweeper().run() == Swept(unsettled=1)
    assert len(processing.acquirer.asked) == asked + 1


def test_a_run_ends_before_the_function_does(processing: Processing) -> None:
    processing.set_terms(daily_limit_minor=10**9)
    started = processing.clock.now
    for number in range(40):
        processing.refusal(replace(APPROVED, idempotency_key=f"k-{number}"))
    slow = processing.acquirer.authorize

    def slowly(**order: object) -> str | None:
        processing.clock.advance(timedelta(seconds=4))
        return slow(**order)  # type: ignore[arg-type]

    processing.acquirer.authorize = slowly  # type: ignore[method-assign]
    swept = processing.sweeper().run()
    assert 0 < swept.settled < 40
    assert processing.clock.now - started < timedelta(seconds=55)


def test_a_client_that_is_faster_than_the_sweeper_is_not_overruled(processing: Processing) -> None:
    processing.refusal(APPROVED)
    processing.clock.advance(SETTLED_WITHIN)
    settle = processing.acquirer.authorize

    def client_first(**order: object) -> str | None:
        processing.acquirer.authorize = settle  # type: ignore[method-assign]
        processing.authorize(APPROVED)
        return settle(**order)  # type: ignore[arg-type]

    processing.acquirer.authorize = client_first  # type: ignore[method-assign]
    assert processing.sweep() == Swept()
    assert processing.history() == ["received", "unknown", "authorized"]


def test_a_time_out_before_the_acquirer_took_it_leaves_nothing_unknown(processing: Processing) -> None:
    assert processing.refusal(UNAVAILABLE) is ErrorCode.ACQUIRER_UNAVAILABLE
    assert processing.history() == ["received"]
    assert document(processing.authorize(UNAVAILABLE))["status"] == "authorized"


def test_an_unknown_payment_is_shown_as_unknown_and_cannot_be_captured(system: System) -> None:
    card = {"number": "4000000000000119"}
    refused = system.pay(card=card, key="k")
    assert (refused.status, refused.json["code"]) == (504, "outcome_unknown")
    (listed,) = system.send("GET", "/payments?customer=cus_1").json["payments"]
    assert listed["status"] == "unknown"
    assert system.change(listed["payment_id"], "capture").json["code"] == "payment_state_conflict"
    assert system.pay(card=card, key="k").json["status"] == "authorized"
    assert handler({}, None) == {"settled": 0, "unsettled": 0}


def test_the_sandbox_s_cards_have_valid_numbers_and_each_outcome_but_approval_has_one() -> None:
    assert all(luhn_valid(number) for number in TEST_CARDS)
    assert {*TEST_CARDS.values(), SandboxOutcome.APPROVE} == set(SandboxOutcome)


def test_a_lease_is_over_long_before_the_sweeper_comes() -> None:
    assert LEASE * 2 < SETTLED_WITHIN


def _spoil(processing: Processing, payment_id: str) -> None:
    """Put the payment into a state that this release does not know."""
    processing.dynamodb.tables["transactions"][f"PAY#{payment_id}", "META"]["state"] = {"S": "disputed"}


def test_a_payment_that_cannot_be_read_keeps_no_other_from_its_outcome_and_is_told(processing: Processing) -> None:
    orders = [replace(APPROVED, idempotency_key=f"key-{number}") for number in range(12)]
    for order in orders:
        processing.refusal(order)
    _spoil(processing, orders[0].payment_id)
    processing.clock.advance(SETTLED_WITHIN)
    told = len(processing.failures.codes)
    assert processing.sweep() == Swept(settled=11, unsettled=1, broken=1)
    assert processing.failures.codes[told:] == [ErrorCode.INTERNAL_ERROR]


def test_the_sweeper_fails_after_all_others_when_a_payment_cannot_be_read(system: System) -> None:
    stuck, unknown = (system.pay(card={"number": "4000000000000119"}, key=f"k{n}") for n in range(2))
    assert (stuck.status, unknown.status) == (504, 504)
    metas = [item for key, item in system.cloud.dynamodb.tables["transactions"].items() if key[1] == "META"]
    for meta in metas:
        meta["updated_at"] = meta["created_at"] = {"S": timestamp(utc_now() - timedelta(hours=1))}
    metas[0]["state"] = {"S": "disputed"}
    with pytest.raises(PaymentsNotSwept):
        handler({}, None)
    assert metas[0]["state"] == {"S": "disputed"}
    states = {item["state"] for item in system.cloud.dynamodb.items("transactions") if item["sk"] == "META"}
    assert states == {"disputed", "authorized"}
    message = json.loads(system.cloud.sns.messages[-1])
    assert (message["code"], message["retryable"]) == ("internal_error", False)


def test_the_age_of_what_waits_longest_is_measured_from_when_it_began_to_wait(processing: Processing) -> None:
    assert processing.sweeper().oldest_open_seconds() == 0
    processing.authorize(replace(ORDER, idempotency_key="settled"))
    processing.clock.advance(timedelta(minutes=5))
    processing.refusal(APPROVED)
    processing.acquirer.failure = DependencyUnavailable(ErrorCode.ACQUIRER_UNAVAILABLE, "Away.")
    processing.clock.advance(timedelta(minutes=11))
    processing.sweeper().run()
    assert processing.sweeper().oldest_open_seconds() == 660


def test_the_age_is_known_when_more_wait_than_can_be_looked_at_in_time(processing: Processing) -> None:
    for number in range(12):
        processing.refusal(replace(APPROVED, idempotency_key=f"key-{number}"))
    processing.clock.advance(timedelta(minutes=20))
    sweeper, looks = processing.sweeper(), 0

    def slowly() -> datetime:
        nonlocal looks
        looks += 1
        return processing.clock() + looks * timedelta(seconds=1)

    assert replace(sweeper, clock=slowly).oldest_open_seconds() >= 1200
    assert looks < 10


def test_every_run_writes_the_age_of_what_waits_longest(system: System, capsys: pytest.CaptureFixture[str]) -> None:
    handler({}, None)
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "OldestOpenPayment" in line]
    assert [(line["OldestOpenPayment"], line["Environment"]) for line in written] == [([0.0], "test")]
