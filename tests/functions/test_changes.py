"""Captures, voids and refunds: once per key, capped, with every minor unit accounted for."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payment_core.errors import DependencyUnavailable, ErrorCode, PaymentError
from payment_core.money import Money
from tests.functions.processing import EXPIRES_AFTER, ORDER, START, Processing, document
from tests.functions.system import System
from transaction_processing.errors import OperationInFlight, ProcessingError
from transaction_processing.idempotency import KEEP, LEASE
from transaction_processing.operations import Operation, done
from transaction_processing.payments import MoneyNotConserved, Payment
from transaction_processing.pending import MERCHANT_OPERATIONS, OperationKind
from transaction_processing.states import TRANSITIONS, PaymentState

CAPTURE, VOID, REFUND = OperationKind.CAPTURE, OperationKind.VOID, OperationKind.REFUND
PAYMENT_ID = ORDER.payment_id


def operation(kind: OperationKind, amount_minor: int | None = None, *, key: str | None = None) -> Operation:
    return Operation(
        kind=kind, payment_id=PAYMENT_ID, idempotency_key=key or uuid.uuid4().hex, amount_minor=amount_minor
    )


class Ledgered(Processing):
    """Processing with one authorised payment of 1099."""

    def __init__(self) -> None:
        super().__init__()
        self.authorize()

    def refused(self, what: Operation) -> ErrorCode:
        try:
            answer = self.change(what)
        except PaymentError as error:
            return error.code
        raise AssertionError(f"expected a refusal, got {answer}")

    def sums(self) -> tuple[object, object, object]:
        (payment,) = self.payments()
        return payment["state"], payment["captured_minor"], payment["refunded_minor"]


@pytest.fixture
def processing() -> Ledgered:
    return Ledgered()


def test_captured_and_refunded_in_parts_to_the_last_minor_unit(processing: Ledgered) -> None:
    processing.change(operation(CAPTURE, 1))
    processing.change(operation(CAPTURE, 98))
    assert document(processing.change(operation(CAPTURE)))["captured_minor"] == 1099
    processing.change(operation(REFUND, 99))
    assert processing.sums() == ("partially_refunded", 1099, 99)
    assert document(processing.change(operation(REFUND)))["status"] == "refunded"
    assert processing.sums() == ("refunded", 1099, 1099)
    assert processing.history() == [
        *("received", "authorized", "captured", "captured", "captured", "partially_refunded", "refunded")
    ]


@pytest.mark.parametrize(
    ("before", "what", "code"),
    [
        ([], operation(CAPTURE, 1100), ErrorCode.CAPTURE_EXCEEDS_AUTHORIZATION),
        ([operation(CAPTURE, 1000)], operation(CAPTURE, 100), ErrorCode.CAPTURE_EXCEEDS_AUTHORIZATION),
        ([operation(CAPTURE)], operation(CAPTURE), ErrorCode.CAPTURE_EXCEEDS_AUTHORIZATION),
        ([operation(CAPTURE, 100)], operation(REFUND, 101), ErrorCode.REFUND_EXCEEDS_CAPTURE),
        ([operation(CAPTURE, 9), operation(REFUND)], operation(REFUND), ErrorCode.REFUND_EXCEEDS_CAPTURE),
        ([], operation(REFUND, 1), ErrorCode.PAYMENT_STATE_CONFLICT),
        ([operation(CAPTURE, 1)], operation(VOID), ErrorCode.PAYMENT_STATE_CONFLICT),
        ([operation(VOID)], operation(CAPTURE, 1), ErrorCode.PAYMENT_STATE_CONFLICT),
        ([operation(CAPTURE, 9), operation(REFUND, 1)], operation(CAPTURE, 1), ErrorCode.PAYMENT_STATE_CONFLICT),
    ],
)
def test_what_would_be_too_much_or_out_of_order_is_refused_without_a_write(
    processing: Ledgered, before: list[Operation], what: Operation, code: ErrorCode
) -> None:
    for step in before:
        processing.change(step)
    tables = str(processing.dynamodb.tables)
    writes = processing.dynamodb.writes
    assert processing.refused(what) is code
    assert (processing.dynamodb.writes, str(processing.dynamodb.tables)) == (writes, tables)


@pytest.mark.parametrize("kind", MERCHANT_OPERATIONS)
def test_a_repeated_key_is_answered_with_the_same_bytes_and_moves_nothing(
    processing: Ledgered, kind: OperationKind
) -> None:
    if kind is REFUND:
        processing.change(operation(CAPTURE))
    what = operation(kind, None if kind is VOID else 1099, key="same")
    first = processing.change(what)
    writes = processing.dynamodb.writes
    for _ in range(3):
        again = processing.change(what)
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["Idempotent-Replayed"] == "true"
    other = replace(what, amount_minor=7)
    assert processing.refused(other) is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert processing.dynamodb.writes == writes


@pytest.mark.parametrize("record_gone", [False, True])
def test_after_a_day_a_used_key_captures_nothing_more(processing: Ledgered, record_gone: bool) -> None:
    processing.change(operation(CAPTURE, 10, key="same"))
    processing.clock.advance(KEEP)
    if record_gone:
        processing.dynamodb.tables["idempotency"].clear()
    for _ in range(2):
        assert processing.refused(operation(CAPTURE, 10, key="same")) is ErrorCode.KEY_ALREADY_USED
    assert processing.sums() == ("captured", 10, 0)


@pytest.mark.parametrize("operation_name", ["put_item", "transact_write_items"])
@pytest.mark.parametrize("after_writing", [False, True])
def test_a_lost_answer_of_the_store_never_captures_twice(
    processing: Ledgered, operation_name: str, after_writing: bool
) -> None:
    processing.dynamodb.time_out(operation_name, after_writing=after_writing)
    what = operation(CAPTURE, 100)
    with pytest.raises(DependencyUnavailable):
        processing.change(what)
    processing.clock.advance(LEASE)
    assert document(processing.change(what))["captured_minor"] == 100
    assert processing.sums() == ("captured", 100, 0)
    assert processing.history() == ["received", "authorized", "captured"]


def test_many_captures_at_once_take_exactly_what_was_authorised(processing: Ledgered) -> None:
    def capture(_: int) -> str:
        what = operation(CAPTURE, 100)
        for _attempt in range(2000):
            try:
                return str(processing.change(what).status)
            except PaymentError as error:
                if not error.retryable:
                    return error.code
        raise AssertionError("never settled")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(capture, range(24)))
    assert sorted(answers) == ["200"] * 10 + [ErrorCode.CAPTURE_EXCEEDS_AUTHORIZATION.value] * 14
    assert processing.sums() == ("captured", 1000, 0)


def test_another_change_in_between_is_seen_and_judged_again(
    processing: Ledgered, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = processing.ledger.find(PAYMENT_ID)
    processing.change(operation(CAPTURE, 1000))
    found = [stale, processing.ledger.find(PAYMENT_ID)]
    with monkeypatch.context() as patched:
        patched.setattr(processing.ledger, "find", lambda _: found.pop(0))
        assert processing.refused(operation(CAPTURE, 100)) is ErrorCode.CAPTURE_EXCEEDS_AUTHORIZATION
    assert processing.sums() == ("captured", 1000, 0)
    assert len(processing.dynamodb.items("idempotency")) == 2


@pytest.mark.parametrize(("state", "kind"), list(product(PaymentState, OperationKind)))
def test_no_operation_takes_a_step_that_is_not_in_the_table(state: PaymentState, kind: OperationKind) -> None:
    payment = replace(Payment.received(ORDER, at=START), captured_minor=10, refunded_minor=5)
    object.__setattr__(payment, "state", state)
    try:
        amount = 1 if kind in (CAPTURE, REFUND) else None
        begun = operation(kind, amount).begin(payment, at=START, expires_after=EXPIRES_AFTER)
        after = done(begun, at=START + timedelta(seconds=1))
    except ProcessingError:
        return
    assert after.state in TRANSITIONS[state]
    assert (begun.state, begun.version, after.version) == (state, payment.version + 1, payment.version + 2)
    for other in OperationKind:
        with pytest.raises(OperationInFlight):
            operation(other).begin(begun, at=START, expires_after=EXPIRES_AFTER)


@settings(max_examples=60)
@given(
    currency=st.sampled_from(["USD", "JPY", "BHD"]),
    authorised=st.integers(1, 10**12),
    steps=st.lists(
        st.tuples(st.sampled_from([CAPTURE, REFUND, VOID, OperationKind.EXPIRY]), st.integers(1, 10**12)), max_size=12
    ),
)
def test_money_is_conserved_whatever_is_asked_for(
    currency: str, authorised: int, steps: list[tuple[OperationKind, int]]
) -> None:
    payment = Payment.received(
        replace(ORDER, money=Money(amount_minor=authorised, currency=currency)), at=START
    ).moved_to(PaymentState.AUTHORIZED, at=START)
    captured = refunded = 0
    for kind, amount in steps:
        try:
            what = operation(kind, amount if kind in (CAPTURE, REFUND) else None)
            payment = done(what.begin(payment, at=START, expires_after=EXPIRES_AFTER), at=START)
        except ProcessingError:
            continue
        captured += amount if kind is CAPTURE else 0
        refunded += amount if kind is REFUND else 0
    assert (payment.captured_minor, payment.refunded_minor) == (captured, refunded)
    assert refunded <= captured <= authorised == payment.money.amount_minor
    assert payment.released_minor in (0, authorised - captured)
    assert (payment.state is PaymentState.REFUNDED) == (refunded > 0 and refunded == captured)


@pytest.mark.parametrize("sums", [(1100, 0, 0), (5, 6, 0), (-1, 0, 0), (5, -1, 0), (5, 0, 1095), (5, 0, -1)])
def test_a_payment_whose_sums_cannot_be_cannot_be_made(sums: tuple[int, int, int]) -> None:
    captured, refunded, released = sums
    with pytest.raises(MoneyNotConserved):
        replace(
            Payment.received(ORDER, at=START),
            captured_minor=captured,
            refunded_minor=refunded,
            released_minor=released,
        )


def test_the_whole_way_through_the_api_in_three_currencies(system: System) -> None:
    for currency in ("USD", "JPY", "BHD"):
        system.put_customer(f"cus_{currency}", currency=currency)
        payment_id = system.pay(customer_id=f"cus_{currency}", currency=currency).json["payment_id"]
        assert system.change(payment_id, "capture", {"amount_minor": 99}).json["captured_minor"] == 99
        assert system.change(payment_id, "capture").json["captured_minor"] == 1099
        assert system.change(payment_id, "refunds", {"amount_minor": 1}).status == 201
        over = system.change(payment_id, "refunds", {"amount_minor": 1099})
        assert (over.status, over.json["code"]) == (422, "refund_exceeds_capture")
        shown = system.send("GET", f"/payments/{payment_id}").json
        assert (shown["status"], shown["captured_minor"], shown["refunded_minor"]) == ("partially_refunded", 1099, 1)


def test_another_merchant_s_payment_cannot_be_changed(system: System) -> None:
    payment_id = system.pay().json["payment_id"]
    system.merchant = {**system.merchant, "x-caller-id": f"AROA{uuid.uuid4().hex}:session"}
    written = system.cloud.dynamodb.writes
    for kind in MERCHANT_OPERATIONS:
        answer = system.change(payment_id, kind)
        assert (answer.status, answer.json["code"]) == (404, "payment_not_found")
    assert system.cloud.dynamodb.writes == written


@pytest.mark.parametrize(
    ("kind", "body", "key", "code"),
    [
        ("capture", {}, "", "idempotency_key_missing"),
        ("void", None, "k k", "idempotency_key_invalid"),
        ("refunds", b"{", "k", "body_malformed"),
        ("refunds", {"amount_minor": 0}, "k", "body_invalid"),
        ("capture", {"amount_minor": True}, "k", "body_invalid"),
        ("void", {"amount_minor": 1}, "k", "body_invalid"),
    ],
)
def test_a_change_that_cannot_be_read_is_400_and_writes_nothing(
    system: System, kind: str, body: object, key: str, code: str
) -> None:
    payment_id = system.pay().json["payment_id"]
    written = system.cloud.dynamodb.writes
    answer = system.send("POST", f"/payments/{payment_id}/{kind}", body, key=key)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert system.cloud.dynamodb.writes == written
