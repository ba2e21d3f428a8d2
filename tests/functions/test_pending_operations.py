"""What the acquirer has not answered is pending and not failed; whoever asks again learns what it did, once."""

import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payment_core.errors import DependencyUnavailable, ErrorCode, PaymentError
from payment_core.money import Money
from tests.functions.processing import EXPIRES_AFTER, ORDER, Killed, Processing, document
from tests.functions.system import System
from transaction_processing.acquirer import TEST_AMOUNTS, AcquirerOperation, OutcomeUnknown
from transaction_processing.idempotency import LEASE
from transaction_processing.operations import Operation
from transaction_processing.pending import OperationKind
from transaction_processing.sweeping import SETTLED_WITHIN, Swept

CAPTURE, VOID, REFUND = OperationKind.CAPTURE, OperationKind.VOID, OperationKind.REFUND
DECLINED, LATE, UNKNOWN, UNKNOWN_DECLINED = 40001, 40004, 40005, 40006
AUTHORISED = 100_000


def operation(kind: OperationKind, amount_minor: int | None = None, *, key: str | None = None) -> Operation:
    return Operation(
        kind=kind, payment_id=ORDER.payment_id, idempotency_key=key or uuid.uuid4().hex, amount_minor=amount_minor
    )


class Authorised(Processing):
    """Processing with one authorised payment."""

    def __init__(self, amount_minor: int = AUTHORISED) -> None:
        super().__init__()
        self.set_terms(per_payment_limit_minor=10**6, daily_limit_minor=10**6)
        order = replace(ORDER, money=Money(amount_minor=amount_minor, currency="USD"))
        with suppress(DependencyUnavailable):
            self.authorize(order)
        self.authorize(order)

    def code(self, what: Operation) -> ErrorCode:
        try:
            answer = self.change(what)
        except PaymentError as error:
            return error.code
        raise AssertionError(f"expected a refusal, got {answer}")

    def payment(self) -> dict[str, Any]:
        (payment,) = self.payments()
        return payment

    def sums(self) -> tuple[Any, Any, Any]:
        payment = self.payment()
        return payment["state"], payment["captured_minor"], payment["refunded_minor"]

    def spent(self) -> Any:
        (day,) = [item for item in self.dynamodb.items("transactions") if item["sk"] == "SPENT"]
        return day["spent_minor"]


@pytest.fixture
def processing() -> Authorised:
    return Authorised()


@pytest.fixture(params=["client", "sweeper"])
def who(request: pytest.FixtureRequest) -> str:
    """Who comes back for what is pending."""
    return str(request.param)


@pytest.mark.parametrize(
    ("amount", "code", "captured", "status"),
    [
        (UNKNOWN, ErrorCode.OUTCOME_UNKNOWN, UNKNOWN, 200),
        (UNKNOWN_DECLINED, ErrorCode.OUTCOME_UNKNOWN, 0, 422),
        (LATE, ErrorCode.ACQUIRER_UNAVAILABLE, LATE, 200),
    ],
)
def test_a_capture_without_an_answer_is_pending_until_somebody_asks_again(
    processing: Authorised, who: str, amount: int, code: ErrorCode, captured: int, status: int
) -> None:
    what = operation(CAPTURE, amount)
    assert processing.code(what) is code
    assert processing.failures.codes[-1] is code
    assert processing.sums() == ("authorized", 0, 0)
    found = processing.ledger.find(ORDER.payment_id)
    assert found is not None
    assert found.view()["pending_operation"] == {"kind": "capture", "amount_minor": amount}
    for other in (operation(CAPTURE, 1), operation(VOID), operation(REFUND, 1)):
        assert processing.code(other) is ErrorCode.OPERATION_IN_FLIGHT
    if who == "sweeper":
        assert processing.sweep() == Swept()
        processing.clock.advance(SETTLED_WITHIN)
        assert processing.sweep() == Swept(settled=1)
        assert processing.sweep() == Swept()
    answer = processing.change(what)
    assert answer.status == status
    assert (answer.headers["Content-Type"] == "application/problem+json") == (status == 422)
    assert processing.sums() == ("captured" if captured else "authorized", captured, 0)
    again = processing.change(what)
    assert (again.status, again.body) == (answer.status, answer.body)
    assert len({each.operation_id for each in processing.acquirer.executed}) == 1
    assert document(processing.change(operation(CAPTURE, 1)))["captured_minor"] == captured + 1


def test_a_whole_capture_that_the_sweeper_finished_is_told_to_the_client_that_comes_back() -> None:
    processing = Authorised(UNKNOWN)
    what = operation(CAPTURE)
    assert processing.code(what) is ErrorCode.OUTCOME_UNKNOWN
    processing.clock.advance(SETTLED_WITHIN)
    processing.sweep()
    assert document(processing.change(what))["captured_minor"] == UNKNOWN
    assert processing.code(operation(CAPTURE)) is ErrorCode.CAPTURE_EXCEEDS_AUTHORIZATION
    assert processing.code(replace(what, amount_minor=1)) is ErrorCode.IDEMPOTENCY_KEY_REUSED


def test_an_unknown_refund_and_an_unknown_void_are_settled_too(who: str) -> None:
    for kind, end in ((REFUND, ("refunded", UNKNOWN, UNKNOWN)), (VOID, ("voided", 0, 0))):
        processing = Authorised(UNKNOWN)
        if kind is REFUND:
            whole = operation(CAPTURE)
            processing.code(whole)
            processing.change(whole)
        what = operation(kind)
        assert processing.code(what) is ErrorCode.OUTCOME_UNKNOWN
        if who == "sweeper":
            processing.clock.advance(SETTLED_WITHIN)
            assert processing.sweep() == Swept(settled=1)
        assert document(processing.change(what))["status"] == end[0]
        assert processing.sums() == end


def test_what_the_acquirer_declines_changes_nothing_and_is_repeated_to_the_byte(processing: Authorised) -> None:
    what = operation(CAPTURE, DECLINED)
    first = processing.change(what)
    assert (first.status, document(first)["code"]) == (422, "operation_declined")
    assert "card_declined" in first.body
    again = processing.change(what)
    assert (again.status, again.body, again.headers["Idempotent-Replayed"]) == (422, first.body, "true")
    assert processing.sums() == ("authorized", 0, 0)
    assert document(processing.change(operation(CAPTURE)))["captured_minor"] == AUTHORISED


@pytest.mark.parametrize("after_asking", [False, True])
def test_a_killed_worker_s_capture_is_finished_and_not_doubled(
    processing: Authorised, monkeypatch: pytest.MonkeyPatch, who: str, after_asking: bool
) -> None:
    what, execute = operation(CAPTURE, 10), processing.acquirer.execute

    def killed(order: AcquirerOperation, *, repeated: bool) -> str | None:
        if after_asking:
            execute(order, repeated=repeated)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(processing.acquirer, "execute", killed)
        with pytest.raises(Killed):
            processing.change(what)
    assert processing.code(what) is ErrorCode.IDEMPOTENCY_IN_FLIGHT
    processing.clock.advance(LEASE if who == "client" else SETTLED_WITHIN)
    if who == "sweeper":
        assert processing.sweep() == Swept(settled=1)
    assert document(processing.change(what))["captured_minor"] == 10
    assert processing.sums() == ("captured", 10, 0)


def test_every_step_of_an_operation_is_an_event(processing: Authorised) -> None:
    processing.change(operation(CAPTURE, 10))
    processing.change(operation(CAPTURE, DECLINED))
    events = [item for item in processing.dynamodb.items("transactions") if item["sk"].startswith("EVT#")]
    told = [
        (event["operation"], event["operation_status"], event["operation_amount_minor"], event["captured_minor"])
        for event in sorted(events, key=lambda event: event["version"])[2:]
    ]
    assert told == [
        ("capture", "pending", 10, 0),
        ("capture", "done", 10, 10),
        ("capture", "pending", DECLINED, 10),
        ("capture", "refused", DECLINED, 10),
    ]


def test_a_void_on_the_day_itself_gives_the_room_back_and_a_later_one_does_not() -> None:
    for later, spent in ((timedelta(), 0), (timedelta(hours=12), AUTHORISED)):
        processing = Authorised()
        processing.clock.advance(later)
        processing.change(operation(VOID))
        assert processing.spent() == spent


def test_a_refund_gives_no_room_back(processing: Authorised) -> None:
    processing.change(operation(CAPTURE))
    processing.change(operation(REFUND))
    assert processing.spent() == AUTHORISED


def test_an_authorisation_expires_after_its_days_and_not_before(processing: Authorised) -> None:
    processing.clock.advance(EXPIRES_AFTER - timedelta(seconds=1))
    assert processing.sweep() == Swept()
    processing.clock.advance(timedelta(seconds=1))
    assert processing.sweep() == Swept(settled=1)
    assert processing.sums() == ("expired", 0, 0)
    (voided,) = processing.acquirer.executed
    assert (voided.kind, voided.money.amount_minor) == (OperationKind.EXPIRY, AUTHORISED)
    assert processing.sweep() == Swept()
    assert processing.code(operation(CAPTURE)) is ErrorCode.PAYMENT_STATE_CONFLICT
    assert "open_shard" not in processing.payment()


def test_an_expiry_without_an_answer_is_finished_by_a_later_sweep() -> None:
    processing = Authorised(UNKNOWN)
    processing.clock.advance(EXPIRES_AFTER)
    assert processing.sweep() == Swept(unsettled=1)
    assert processing.code(operation(CAPTURE)) is ErrorCode.OPERATION_IN_FLIGHT
    processing.clock.advance(SETTLED_WITHIN)
    assert processing.sweep() == Swept(settled=1)
    assert processing.sums() == ("expired", 0, 0)


def test_what_was_captured_does_not_expire_and_the_rest_is_given_up(processing: Authorised) -> None:
    processing.change(operation(CAPTURE, 1))
    processing.clock.advance(EXPIRES_AFTER - timedelta(seconds=1))
    assert processing.sweep() == Swept()
    processing.clock.advance(timedelta(seconds=1))
    assert processing.sweep() == Swept(settled=1)
    assert processing.sums() == ("captured", 1, 0)
    assert processing.payment()["released_minor"] == AUTHORISED - 1
    given_up = processing.acquirer.executed[-1]
    assert (given_up.kind, given_up.money.amount_minor) == (OperationKind.EXPIRY, AUTHORISED - 1)
    events = [item for item in processing.dynamodb.items("transactions") if item["sk"].startswith("EVT#")]
    assert max(events, key=lambda event: event["sk"])["released_minor"] == AUTHORISED - 1
    assert "open_shard" not in processing.payment()
    assert processing.sweep() == Swept()
    refunded = processing.change(operation(REFUND))
    assert document(refunded)["released_minor"] == AUTHORISED - 1
    assert processing.sums() == ("refunded", 1, 1)


def test_a_rest_that_an_older_release_forgot_is_given_up_again_without_the_acquirer(processing: Authorised) -> None:
    processing.change(operation(CAPTURE, 10))
    processing.clock.advance(EXPIRES_AFTER)
    assert processing.sweep() == Swept(settled=1)
    asked = len(processing.acquirer.executed)
    # It writes whole items, of the attributes that it knows.
    del processing.dynamodb.tables["transactions"][f"PAY#{processing.payment()['payment_id']}", "META"][
        "released_minor"
    ]
    processing.change(operation(REFUND, 1))
    assert processing.sweep() == Swept(settled=1)
    assert processing.payment()["released_minor"] == AUTHORISED - 10
    assert processing.sweep() == Swept()
    assert [each.kind for each in processing.acquirer.executed[asked:]] == [OperationKind.REFUND]


def test_what_the_acquirer_does_not_give_up_has_lapsed_there_and_a_refund_does_not_hide_it() -> None:
    processing = Authorised(40_001 + 10)
    processing.change(operation(CAPTURE, 10))
    processing.change(operation(REFUND, 1))
    processing.clock.advance(EXPIRES_AFTER)
    assert processing.sweep() == Swept(settled=1)
    assert processing.sums() == ("partially_refunded", 10, 1)
    assert processing.payment()["released_minor"] == 40_001


@pytest.mark.parametrize("captured", [0, 1])
def test_nothing_is_captured_of_an_authorisation_that_is_too_old(processing: Authorised, captured: int) -> None:
    """Whether or not the sweeper has been there."""
    if captured:
        processing.change(operation(CAPTURE, captured, key="early"))
    processing.clock.advance(EXPIRES_AFTER - timedelta(seconds=1))
    processing.change(operation(CAPTURE, 1, key="in time"))
    processing.clock.advance(timedelta(days=393))
    written = processing.dynamodb.writes
    for amount in (1, AUTHORISED, None):
        assert processing.code(operation(CAPTURE, amount)) is ErrorCode.AUTHORIZATION_EXPIRED
    assert processing.dynamodb.writes == written
    processing.sweep()
    assert processing.code(operation(CAPTURE)) is ErrorCode.AUTHORIZATION_EXPIRED
    assert processing.sums() == ("captured", captured + 1, 0)


def test_a_capture_that_was_begun_in_time_is_finished_however_late_its_client_comes() -> None:
    processing = Authorised()
    processing.clock.advance(EXPIRES_AFTER - timedelta(seconds=1))
    begun = operation(CAPTURE, UNKNOWN)
    assert processing.code(begun) is ErrorCode.OUTCOME_UNKNOWN
    processing.clock.advance(timedelta(hours=1))
    answer = processing.change(begun)
    assert document(answer)["captured_minor"] == UNKNOWN
    assert processing.change(begun).body == answer.body


def test_more_than_a_page_of_stuck_payments_is_swept_in_one_go() -> None:
    processing = Processing()
    processing.set_terms(daily_limit_minor=10**9)
    processing.acquirer.failure = OutcomeUnknown()
    for number in range(300):
        processing.refusal(replace(ORDER, idempotency_key=f"k-{number}"))
    processing.acquirer.failure = None
    processing.clock.advance(SETTLED_WITHIN)
    assert processing.sweep() == Swept(settled=300)


class Books:
    """An acquirer that keeps books and loses answers: `faults` says what becomes of each time it is asked."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        self.done: dict[str, AcquirerOperation] = {}

    def authorize(self, **_: object) -> str | None:
        return None

    def execute(self, order: AcquirerOperation, *, repeated: bool) -> str | None:
        fault = self.faults.pop(0) if self.faults else "none"
        if order.operation_id in self.done:
            assert self.done[order.operation_id] == order
        elif fault == "declined":
            return "card_declined"
        elif fault in ("none", "answer lost", "killed after"):
            self.done[order.operation_id] = order
        if fault in ("killed before", "killed after"):
            raise Killed
        if fault in ("answer lost", "order lost"):
            raise OutcomeUnknown
        return None

    def total(self, kind: OperationKind) -> int:
        return sum(order.money.amount_minor for order in self.done.values() if order.kind is kind)


FAULTS = ("none", "declined", "answer lost", "order lost", "killed before", "killed after")
steps = st.tuples(
    st.sampled_from([CAPTURE, REFUND, VOID, "sweep", "retry"]), st.integers(1, 60), st.sampled_from(["a", "b", "c"])
)


@settings(max_examples=80)
@given(st.lists(steps, max_size=14), st.lists(st.sampled_from(FAULTS), max_size=14))
def test_ledger_and_acquirer_agree_to_the_minor_unit_whatever_gets_lost(
    asked: list[tuple[Any, int, str]], faults: list[str]
) -> None:
    processing = Authorised(100)
    books = Books(faults)
    processing.acquirer = books  # type: ignore[assignment]
    last = operation(CAPTURE, 1, key="first")
    for kind, amount, key in asked:
        processing.clock.advance(LEASE)
        if kind == "sweep":
            processing.clock.advance(SETTLED_WITHIN)
            with suppress(Killed):
                processing.sweep()
            continue
        if kind != "retry":
            last = operation(kind, None if kind is VOID else amount, key=key)
        with suppress(PaymentError, Killed):
            processing.change(last)
    books.faults = []
    for _ in range(3):
        processing.clock.advance(SETTLED_WITHIN)
        processing.sweep()
    payment = processing.payment()
    assert "pending_operation_id" not in payment
    assert (payment["captured_minor"], payment["refunded_minor"]) == (books.total(CAPTURE), books.total(REFUND))
    assert payment["refunded_minor"] <= payment["captured_minor"] <= 100
    assert (payment["state"] == "voided") == (books.total(VOID) > 0)
    assert not (payment["captured_minor"] and books.total(VOID))


def test_test_amounts_are_documented_and_decide_authorisations_too(system: System) -> None:
    assert {outcome.value for outcome in TEST_AMOUNTS.values()} == {
        "card_declined",
        "insufficient_funds",
        "lost_card",
        "unavailable",
        "unknown_then_approved",
        "unknown_then_declined",
    }
    assert system.pay(amount_minor=DECLINED).json["decline_reason"] == "card_declined"
    unknown = system.pay(amount_minor=UNKNOWN, key="k")
    assert (unknown.status, unknown.json["code"]) == (504, "outcome_unknown")
    payment_id = system.pay(amount_minor=UNKNOWN, key="k").json["payment_id"]
    assert system.change(payment_id, "capture", {"amount_minor": DECLINED}).status == 422
    assert system.change(payment_id, "capture", key="c").status == 504
    shown = system.send("GET", f"/payments/{payment_id}").json
    assert shown["pending_operation"] == {"kind": "capture", "amount_minor": UNKNOWN}
    assert system.change(payment_id, "capture", key="c").json["captured_minor"] == UNKNOWN
