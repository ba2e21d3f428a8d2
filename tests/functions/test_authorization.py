"""A payment is made once, whatever fails and however often it is asked for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from payment_core.errors import DependencyUnavailable, ErrorCode, PaymentError
from payment_core.http import Response
from payment_core.money import Money
from payment_core.sandbox import SandboxOutcome, sandbox_token
from tests.functions.processing import ORDER, Killed, Processing, document
from transaction_processing.acquirer import OutcomeUnknown
from transaction_processing.customers import CustomerStatus
from transaction_processing.fraud import FraudAssessment, Unscored, Verdict
from transaction_processing.idempotency import KEEP, LEASE
from transaction_processing.operations import Operation
from transaction_processing.pending import OperationKind


@pytest.fixture
def processing() -> Processing:
    return Processing()


def test_an_approved_payment_is_answered_and_on_record_with_its_history(processing: Processing) -> None:
    answer = processing.authorize()
    assert answer.status == 201
    assert document(answer) == {
        "payment_id": ORDER.payment_id,
        "status": "authorized",
        "amount_minor": 1099,
        "currency": "USD",
        "customer_id": "cus_1",
        "card": {"brand": "visa", "bin": "424242", "last_four": "4242"},
        "created_at": "2026-03-01T12:00:00.000Z",
        "captured_minor": 0,
        "refunded_minor": 0,
    }
    (payment,) = processing.payments()
    assert processing.history() == ["received", "authorized"]
    assert (payment["version"], payment["fraud_score"], payment["fraud_reasons"]) == (2, 12, ["a_little_odd"])
    assert processing.ledger.find(ORDER.payment_id) is not None


def test_indexes_find_a_payment_by_customer_and_day_and_open_ones_as_open(processing: Processing) -> None:
    processing.acquirer.failure = Killed()
    with pytest.raises(Killed):
        processing.authorize()
    (payment,) = processing.payments()
    assert payment["customer_key"] == "555555555555:AROAMERCHANT#cus_1"
    assert str(payment["merchant_day_shard"]).startswith("555555555555:AROAMERCHANT#2026-03-01#")
    assert str(payment["open_shard"]).startswith("open#")
    processing.acquirer.failure = None
    processing.clock.advance(LEASE)
    processing.authorize()
    (payment,) = processing.payments()
    assert str(payment["open_shard"]).startswith("authorized#")


@pytest.mark.parametrize(
    ("terms", "order", "reason"),
    [
        ({}, replace(ORDER, customer_id="cus_2"), "customer_unknown"),
        ({}, replace(ORDER, merchant_id="555555555555:AROAOTHER"), "customer_unknown"),
        ({"status": CustomerStatus.BLOCKED}, ORDER, "customer_blocked"),
        ({"currency": "JPY"}, ORDER, "customer_currency"),
        ({"per_payment_limit_minor": 1098}, ORDER, "customer_limit"),
        ({"daily_limit_minor": 1098}, ORDER, "customer_limit"),
    ],
)
def test_a_customer_who_may_not_pay_is_declined_before_anyone_is_asked(
    processing: Processing, terms: dict[str, object], order: object, reason: str
) -> None:
    processing.set_terms(**terms)
    answer = processing.authorize(order)  # type: ignore[arg-type]
    assert (answer.status, document(answer)["status"], document(answer)["decline_reason"]) == (201, "declined", reason)
    assert processing.history() == ["received", "declined"]
    assert processing.acquirer.asked == []


def test_a_payment_at_exactly_the_limit_passes(processing: Processing) -> None:
    processing.set_terms(per_payment_limit_minor=1099, daily_limit_minor=1099)
    assert document(processing.authorize())["status"] == "authorized"


def test_what_fraud_detection_declines_never_reaches_the_acquirer(processing: Processing) -> None:
    processing.fraud.assessment = FraudAssessment(
        verdict=Verdict.DECLINE, score=100, reasons=("card_velocity_exceeded", "amount_high")
    )
    answer = document(processing.authorize())
    assert (answer["status"], answer["decline_reason"]) == ("declined", "velocity_exceeded")
    assert processing.acquirer.asked == []
    assert processing.payments()[0]["fraud_score"] == 100


def test_a_merchant_is_not_told_which_rule_a_payment_broke(processing: Processing) -> None:
    reasons = ("card_on_block_list", "country_mismatch")
    processing.fraud.assessment = FraudAssessment(verdict=Verdict.DECLINE, score=100, reasons=reasons)
    answer = document(processing.authorize())
    assert answer["decline_reason"] == "fraud_suspected"
    assert not any(word in str(answer) for word in ("score", "block", "country"))
    events = [item for item in processing.dynamodb.items("transactions") if item["sk"].startswith("EVT#")]
    assert {tuple(event["fraud_reasons"]) for event in events} == {reasons}
    found = processing.ledger.find(ORDER.payment_id)
    assert found is not None
    assert found.fraud == processing.fraud.assessment


def test_a_payment_between_the_thresholds_is_authorised_and_says_that_somebody_should_look(
    processing: Processing,
) -> None:
    processing.fraud.assessment = FraudAssessment(verdict=Verdict.REVIEW, score=70, reasons=("amount_high",))
    answer = processing.authorize()
    assert (document(answer)["status"], document(answer)["review"], answer.flags) == ("authorized", True, ("review",))
    assert processing.authorize().body == answer.body


def test_without_a_score_small_payments_go_on_with_a_flag_and_others_do_not(processing: Processing) -> None:
    processing.fraud.available = False
    processing.open_up_to_minor = ORDER.money.amount_minor
    answer = processing.authorize()
    assert (document(answer)["status"], document(answer)["review"], answer.flags) == (
        "authorized",
        True,
        ("unchecked",),
    )
    assert processing.payments()[0]["fraud_reasons"] == ["fraud_unavailable"]
    above = replace(ORDER, idempotency_key="k-2", money=Money(amount_minor=1100, currency="USD"))
    assert processing.refusal(above) is ErrorCode.FRAUD_UNAVAILABLE
    assert len(processing.payments()) == 1
    assert processing.scores == [Unscored.LET_THROUGH, Unscored.REFUSED]


def test_a_payment_without_a_score_is_counted_whatever_the_acquirer_says(processing: Processing) -> None:
    processing.fraud.available = False
    processing.open_up_to_minor = ORDER.money.amount_minor
    processing.acquirer.failure = OutcomeUnknown()
    assert processing.refusal() is ErrorCode.OUTCOME_UNKNOWN
    assert processing.scores == [Unscored.LET_THROUGH]


def test_who_may_not_pay_is_not_counted_among_the_scores(processing: Processing) -> None:
    processing.fraud.available = False
    processing.set_terms(status=CustomerStatus.BLOCKED)
    assert document(processing.authorize())["status"] == "declined"
    assert processing.scores == []


def test_a_payment_that_the_release_before_wrote_is_read_with_its_assessment(processing: Processing) -> None:
    processing.authorize()
    stored = processing.dynamodb.tables["transactions"][f"PAY#{ORDER.payment_id}", "META"]
    assert stored["fraud_approved"] == {"N": "1"}
    del stored["fraud_verdict"]
    found = processing.ledger.find(ORDER.payment_id)
    assert found is not None
    assert found.fraud == processing.fraud.assessment


@pytest.mark.parametrize(
    "outcome", [SandboxOutcome.CARD_DECLINED, SandboxOutcome.INSUFFICIENT_FUNDS, SandboxOutcome.LOST_CARD]
)
def test_a_decline_of_the_acquirer_is_a_declined_payment(processing: Processing, outcome: SandboxOutcome) -> None:
    answer = processing.authorize(replace(ORDER, token=sandbox_token(outcome, "n")))
    assert (answer.status, document(answer)["decline_reason"]) == (201, outcome)
    assert processing.history() == ["received", "declined"]


def test_a_replay_is_identical_to_the_byte_and_says_that_it_is_one(processing: Processing) -> None:
    first = processing.authorize()
    processing.customers.available = False
    writes = processing.dynamodb.writes
    for _ in range(20):
        replay = processing.authorize(replace(ORDER, token="tok_sandbox.approve.another", correlation_id="c-2"))
        assert (replay.status, replay.body) == (first.status, first.body)
        assert replay.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert (processing.dynamodb.writes, len(processing.acquirer.asked)) == (writes, 1)


def test_another_body_under_the_same_key_is_refused_and_writes_nothing(processing: Processing) -> None:
    processing.authorize()
    writes = processing.dynamodb.writes
    assert processing.refusal(replace(ORDER, request_fingerprint="other")) is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert processing.dynamodb.writes == writes


def test_the_same_key_of_another_merchant_is_another_key(processing: Processing) -> None:
    other = replace(ORDER, merchant_id="555555555555:AROAOTHER", request_fingerprint="other")
    first, second = processing.authorize(), processing.authorize(other)
    assert document(first)["payment_id"] != document(second)["payment_id"]


def test_merchant_and_key_cannot_be_shifted_into_one_another() -> None:
    left = replace(ORDER, merchant_id="a", idempotency_key="b:c")
    right = replace(ORDER, merchant_id="a:b", idempotency_key="c")
    assert left.payment_id != right.payment_id


def test_fifty_at_once_with_one_key_make_one_payment(processing: Processing) -> None:
    def attempt(_: int) -> str:
        try:
            return processing.authorize().body
        except PaymentError as error:
            return error.code

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(attempt, range(50)))
    assert len(answers - {ErrorCode.IDEMPOTENCY_IN_FLIGHT.value}) == 1
    assert len(processing.payments()) == len(processing.acquirer.asked) == 1


def test_a_key_in_flight_is_refused_until_its_lease_has_ended(processing: Processing) -> None:
    processing.acquirer.failure = Killed()
    with pytest.raises(Killed):
        processing.authorize()
    processing.acquirer.failure = None
    assert processing.refusal() is ErrorCode.IDEMPOTENCY_IN_FLIGHT
    processing.clock.advance(LEASE - timedelta(seconds=1))
    assert processing.refusal() is ErrorCode.IDEMPOTENCY_IN_FLIGHT
    processing.clock.advance(timedelta(seconds=1))
    assert document(processing.authorize())["status"] == "authorized"


def test_a_killed_worker_s_payment_is_finished_by_the_next_request_and_not_made_twice(processing: Processing) -> None:
    processing.acquirer.failure = Killed()
    with pytest.raises(Killed):
        processing.authorize()
    assert processing.history() == ["received"]
    processing.acquirer.failure = None
    processing.customers.available = processing.fraud.available = False
    processing.clock.advance(LEASE)
    answer = processing.authorize()
    assert (document(answer)["status"], document(answer)["created_at"]) == ("authorized", "2026-03-01T12:00:00.000Z")
    assert processing.history() == ["received", "authorized"]
    assert set(processing.acquirer.asked) == {ORDER.payment_id}
    assert processing.authorize().body == answer.body


def test_another_body_cannot_take_over_a_dead_worker_s_key(processing: Processing) -> None:
    processing.acquirer.failure = Killed()
    with pytest.raises(Killed):
        processing.authorize()
    processing.clock.advance(LEASE)
    changed = replace(ORDER, request_fingerprint="other", money=Money(amount_minor=1, currency="USD"))
    assert processing.refusal(changed) is ErrorCode.IDEMPOTENCY_KEY_REUSED


def test_with_the_database_away_nothing_is_written_and_the_key_stays_usable(processing: Processing) -> None:
    processing.customers.available = False
    assert processing.refusal() is ErrorCode.DATABASE_UNAVAILABLE
    assert processing.dynamodb.items("idempotency") == processing.dynamodb.items("transactions") == []
    assert processing.failures.codes == [ErrorCode.DATABASE_UNAVAILABLE]
    processing.customers.available = True
    assert document(processing.authorize())["status"] == "authorized"


def test_with_fraud_detection_away_nobody_is_approved(processing: Processing) -> None:
    processing.fraud.available = False
    assert processing.refusal() is ErrorCode.FRAUD_UNAVAILABLE
    assert processing.payments() == []
    processing.fraud.available = True
    assert document(processing.authorize())["status"] == "authorized"


def test_with_the_acquirer_away_the_payment_stays_received_until_a_retry_finishes_it(processing: Processing) -> None:
    processing.acquirer.failure = DependencyUnavailable(ErrorCode.ACQUIRER_UNAVAILABLE, "Retry.")
    assert processing.refusal() is ErrorCode.ACQUIRER_UNAVAILABLE
    assert processing.history() == ["received"]
    processing.acquirer.failure = None
    assert document(processing.authorize())["status"] == "authorized"
    assert processing.history() == ["received", "authorized"]


def _retry_until_answered(processing: Processing) -> Response:
    """What a client does: the same request again, as long as the error says that it may."""
    refusals: list[PaymentError] = []
    for _ in range(6):
        processing.clock.advance(LEASE)
        try:
            return processing.authorize()
        except PaymentError as error:
            refusals.append(error)
        assert refusals[-1].retryable
    raise AssertionError(refusals)


@pytest.mark.parametrize("operation", ["put_item", "transact_write_items"])
@pytest.mark.parametrize("after_writing", [False, True])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_lost_answer_of_the_store_never_loses_or_doubles_the_payment(
    processing: Processing, operation: str, after_writing: bool, nth: int
) -> None:
    processing.dynamodb.time_out(operation, after_writing=after_writing)
    if nth == 2:
        processing.dynamodb.time_out(operation, after_writing=not after_writing)
    answer = _retry_until_answered(processing)
    assert document(answer)["status"] == "authorized"
    assert processing.history() == ["received", "authorized"]
    assert processing.authorize().body == answer.body


def test_a_write_that_lands_late_is_found_by_the_next_request(
    processing: Processing, monkeypatch: pytest.MonkeyPatch
) -> None:
    processing.acquirer.failure = DependencyUnavailable(ErrorCode.ACQUIRER_UNAVAILABLE, "Retry.")
    processing.refusal()
    processing.acquirer.failure = None
    with monkeypatch.context() as patched:
        patched.setattr(processing.ledger, "find", lambda _: None)
        assert processing.refusal() is ErrorCode.IDEMPOTENCY_IN_FLIGHT
    assert document(processing.authorize())["status"] == "authorized"
    assert processing.history() == ["received", "authorized"]


def test_a_claim_whose_answer_got_lost_is_recognised_when_boto3_tries_again(
    processing: Processing, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_once = processing.dynamodb.put_item

    def put_twice(**request: object) -> object:
        put_once(**request)
        return put_once(**request)

    monkeypatch.setattr(processing.dynamodb, "put_item", put_twice)
    assert document(processing.authorize())["status"] == "authorized"
    assert processing.history() == ["received", "authorized"]


def test_a_claim_that_cannot_be_given_back_ends_by_itself(processing: Processing) -> None:
    processing.customers.available = False
    processing.dynamodb.time_out("delete_item", after_writing=False)
    assert processing.refusal() is ErrorCode.DATABASE_UNAVAILABLE
    processing.customers.available = True
    assert processing.refusal() is ErrorCode.IDEMPOTENCY_IN_FLIGHT
    processing.clock.advance(LEASE)
    assert document(processing.authorize())["status"] == "authorized"


@pytest.mark.parametrize("record_gone", [False, True])
def test_after_a_day_a_used_key_is_used_up_for_good(processing: Processing, record_gone: bool) -> None:
    answer = processing.authorize()
    processing.clock.advance(KEEP - timedelta(seconds=1))
    assert processing.authorize().body == answer.body
    processing.clock.advance(timedelta(seconds=1))
    if record_gone:
        processing.dynamodb.tables["idempotency"].clear()
    for _ in range(3):
        assert processing.refusal() is ErrorCode.KEY_ALREADY_USED
        processing.clock.advance(LEASE)
    assert len(processing.payments()) == 1


def test_a_worker_that_lost_its_claim_does_not_answer_for_the_one_that_took_it(processing: Processing) -> None:
    taken: list[str] = []

    class SlowAcquirer(type(processing.acquirer)):  # type: ignore[misc]
        def authorize(self, **order: object) -> str | None:
            if not taken:
                taken.append("in progress")
                processing.clock.advance(LEASE)
                taken.append(processing.authorize().body)
            return None

    processing.acquirer = SlowAcquirer()
    assert processing.refusal() is ErrorCode.IDEMPOTENCY_IN_FLIGHT
    assert processing.history() == ["received", "authorized"]
    assert processing.authorize().body == taken[1]


def test_a_claim_that_meets_the_transaction_of_its_key_is_in_flight_and_tells_nobody(processing: Processing) -> None:
    processing.authorize()
    processing.dynamodb.meet_transaction("put_item")
    assert processing.refusal() is ErrorCode.IDEMPOTENCY_IN_FLIGHT
    assert processing.failures.codes == []
    assert processing.authorize().headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(("conflicts", "given_back"), [(1, True), (3, True), (4, False)])
def test_a_key_that_meets_a_transaction_when_it_is_given_back_is_given_back_a_moment_later(
    processing: Processing, conflicts: int, given_back: bool
) -> None:
    processing.customers.available = False
    processing.dynamodb.meet_transaction("delete_item", times=conflicts)
    assert processing.refusal() is ErrorCode.DATABASE_UNAVAILABLE
    assert len(processing.pauses) == min(conflicts, 3)
    assert (processing.dynamodb.items("idempotency") == []) == given_back


def test_an_answer_that_meets_a_transaction_when_it_is_kept_is_kept_a_moment_later(processing: Processing) -> None:
    unknown = replace(ORDER, token=sandbox_token(SandboxOutcome.UNKNOWN_THEN_APPROVED, "n"))
    processing.dynamodb.meet_transaction("update_item")
    assert processing.refusal(unknown) is ErrorCode.OUTCOME_UNKNOWN
    processing.clock.advance(timedelta(minutes=1))
    processing.sweep()
    processing.dynamodb.meet_transaction("update_item", times=2)
    answer = processing.authorize(unknown)
    assert document(answer)["status"] == "authorized"
    assert len(processing.pauses) == 3
    assert processing.authorize(unknown).body == answer.body


def test_a_crash_is_told_as_what_no_retry_mends(processing: Processing) -> None:
    processing.acquirer.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        processing.authorize()
    assert processing.failures.codes == [ErrorCode.INTERNAL_ERROR]
    assert processing.failures.retryable == [False]
    processing.acquirer.failure = None
    processing.clock.advance(LEASE)
    answer = processing.authorize()
    processing.acquirer.failure = ZeroDivisionError()
    capture = Operation(kind=OperationKind.CAPTURE, payment_id=ORDER.payment_id, idempotency_key="c", amount_minor=None)
    with pytest.raises(ZeroDivisionError):
        processing.change(capture)
    assert document(answer)["status"] == "authorized"
    assert processing.failures.codes == [ErrorCode.INTERNAL_ERROR] * 2


def test_what_is_the_caller_s_fault_is_told_to_nobody(processing: Processing) -> None:
    processing.authorize()
    assert processing.refusal(replace(ORDER, request_fingerprint="another")) is ErrorCode.IDEMPOTENCY_KEY_REUSED
    refund = Operation(kind=OperationKind.REFUND, payment_id=ORDER.payment_id, idempotency_key="r", amount_minor=1)
    with pytest.raises(PaymentError, match="payment_state_conflict"):
        processing.change(refund)
    assert processing.failures.codes == []
