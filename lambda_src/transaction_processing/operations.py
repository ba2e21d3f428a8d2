"""What a merchant can do with an authorised payment; pure, and capped so that money is conserved."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from transaction_processing.errors import CaptureExceedsAuthorization, RefundExceedsCapture, StateConflict
from transaction_processing.payments import Payment
from transaction_processing.states import PaymentState


class OperationKind(StrEnum):
    """The names are the last segments of the API's paths."""

    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refunds"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One request to change a payment. `amount_minor` None stands for all that is left; a void has none."""

    kind: OperationKind
    payment_id: str
    idempotency_key: str
    amount_minor: int | None

    @property
    def operation_id(self) -> str:
        """The one id that this key can lead to on this payment: however late it is repeated, it is not done twice."""
        scope = json.dumps([self.payment_id, self.kind, self.idempotency_key])
        return f"op_{hashlib.sha256(scope.encode()).hexdigest()[:32]}"

    def apply(self, payment: Payment, *, at: datetime) -> Payment:
        """The payment after this operation. Raises `StateConflict` or what says that it would be too much."""
        if self.kind is OperationKind.CAPTURE:
            return _capture(payment, self.amount_minor, at=at)
        if self.kind is OperationKind.REFUND:
            return _refund(payment, self.amount_minor, at=at)
        if payment.state is not PaymentState.AUTHORIZED:
            raise StateConflict(self.kind, payment.state)
        return payment.moved_to(PaymentState.VOIDED, at=at)


def _capture(payment: Payment, amount_minor: int | None, *, at: datetime) -> Payment:
    if payment.state not in (PaymentState.AUTHORIZED, PaymentState.CAPTURED):
        raise StateConflict(OperationKind.CAPTURE, payment.state)
    left = payment.money.amount_minor - payment.captured_minor
    amount = left if amount_minor is None else amount_minor
    if not 1 <= amount <= left:
        raise CaptureExceedsAuthorization
    captured = payment.moved_to(PaymentState.CAPTURED, at=at)
    return replace(captured, captured_minor=payment.captured_minor + amount)


def _refund(payment: Payment, amount_minor: int | None, *, at: datetime) -> Payment:
    left = payment.captured_minor - payment.refunded_minor
    if payment.state is PaymentState.REFUNDED:
        raise RefundExceedsCapture
    if payment.state not in (PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED):
        raise StateConflict(OperationKind.REFUND, payment.state)
    amount = left if amount_minor is None else amount_minor
    if not 1 <= amount <= left:
        raise RefundExceedsCapture
    state = PaymentState.REFUNDED if amount == left else PaymentState.PARTIALLY_REFUNDED
    return replace(payment.moved_to(state, at=at), refunded_minor=payment.refunded_minor + amount)
