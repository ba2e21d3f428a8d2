"""Every pair of states is either in the one table or refused."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.processing import ORDER, START, Processing
from transaction_processing.ledger import ConcurrentChange
from transaction_processing.payments import Payment
from transaction_processing.states import TRANSITIONS, UNSETTLED_STATES, IllegalTransition, PaymentState

# As the design says it, so that the table cannot change unnoticed.
ALLOWED = {
    ("received", "declined"),
    ("received", "unknown"),
    ("unknown", "declined"),
    ("unknown", "authorized"),
    ("received", "authorized"),
    ("authorized", "captured"),
    ("authorized", "voided"),
    ("authorized", "expired"),
    ("captured", "captured"),
    ("captured", "partially_refunded"),
    ("captured", "refunded"),
    ("partially_refunded", "partially_refunded"),
    ("partially_refunded", "refunded"),
}


@pytest.mark.parametrize(("source", "target"), list(product(PaymentState, PaymentState)))
def test_every_pair_of_states(source: PaymentState, target: PaymentState) -> None:
    payment = Payment.received(ORDER, at=START)
    object.__setattr__(payment, "state", source)
    if (source, target) in ALLOWED:
        moved = payment.moved_to(target, at=START)
        assert (moved.state, moved.version) == (target, payment.version + 1)
    else:
        with pytest.raises(IllegalTransition):
            payment.moved_to(target, at=START)


def test_the_table_knows_every_state_and_every_open_one_can_end() -> None:
    assert set(TRANSITIONS) == set(PaymentState)
    assert all(TRANSITIONS[state] - UNSETTLED_STATES for state in UNSETTLED_STATES)


@pytest.mark.parametrize(("stored", "believed"), list(product(PaymentState, PaymentState)))
def test_the_table_of_payments_takes_a_step_only_from_the_state_and_version_that_it_holds(
    stored: PaymentState, believed: PaymentState
) -> None:
    processing = Processing()
    payment = Payment.received(ORDER, at=START)
    object.__setattr__(payment, "state", stored)
    processing.ledger.create([payment], correlation_id="c")
    stale = replace(payment, version=2)
    wrong = replace(payment)
    object.__setattr__(wrong, "state", believed)
    after = replace(payment, version=7, updated_at=START)
    for before in (stale, wrong) if stored is not believed else (stale,):
        with pytest.raises(ConcurrentChange):
            processing.ledger.advance(before, after, correlation_id="c")
    found = processing.ledger.find(ORDER.payment_id)
    assert found is not None
    assert (found.state, found.version) == (stored, 1)
    processing.ledger.advance(payment, after, correlation_id="c")


@given(st.lists(st.sampled_from(list(PaymentState)), max_size=12))
def test_a_walk_never_leaves_the_table_and_versions_count_its_steps(walk: list[PaymentState]) -> None:
    payment, steps = Payment.received(ORDER, at=START), 0
    for target in walk:
        before = payment.state
        try:
            payment = payment.moved_to(target, at=START)
        except IllegalTransition:
            assert (before, target) not in ALLOWED
        else:
            steps += 1
            assert (before, target) in ALLOWED
    assert payment.version == 1 + steps
    assert (payment.money, payment.payment_id) == (ORDER.money, ORDER.payment_id)
