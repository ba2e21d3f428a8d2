"""The life of a payment: every state, and every step between two states that is allowed."""

from collections.abc import Mapping
from enum import StrEnum


class PaymentState(StrEnum):
    RECEIVED = "received"
    UNKNOWN = "unknown"
    DECLINED = "declined"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"


TRANSITIONS: Mapping[PaymentState, frozenset[PaymentState]] = {
    PaymentState.RECEIVED: frozenset({PaymentState.DECLINED, PaymentState.UNKNOWN, PaymentState.AUTHORIZED}),
    # The acquirer was asked and has not answered: neither authorised nor declined, until somebody has found out.
    PaymentState.UNKNOWN: frozenset({PaymentState.DECLINED, PaymentState.AUTHORIZED}),
    PaymentState.DECLINED: frozenset(),
    PaymentState.AUTHORIZED: frozenset({PaymentState.CAPTURED, PaymentState.VOIDED, PaymentState.EXPIRED}),
    # Captured again: another part of what was authorised.
    PaymentState.CAPTURED: frozenset({PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED}),
    PaymentState.VOIDED: frozenset(),
    PaymentState.EXPIRED: frozenset(),
    PaymentState.PARTIALLY_REFUNDED: frozenset({PaymentState.PARTIALLY_REFUNDED, PaymentState.REFUNDED}),
    PaymentState.REFUNDED: frozenset(),
}

# Nobody but us can move these on, so a payment that stays in one is stuck: the acquirer has to settle it.
UNSETTLED_STATES = frozenset({PaymentState.RECEIVED, PaymentState.UNKNOWN})
# What is not captured of these is still held on the card, until it is given up.
HOLDING_STATES = frozenset({PaymentState.AUTHORIZED, PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED})


class IllegalTransition(Exception):
    """A step that is not in the table: a mistake of ours, never of a caller."""

    def __init__(self, source: PaymentState, target: PaymentState) -> None:
        super().__init__(f"{source} -> {target}")


def check_transition(source: PaymentState, target: PaymentState) -> None:
    """Raises `IllegalTransition` unless the table allows the step."""
    if target not in TRANSITIONS[source]:
        raise IllegalTransition(source, target)
