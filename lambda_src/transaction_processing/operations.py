"""What can become of an authorised payment; pure, and capped so that money is conserved."""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from transaction_processing.errors import (
    AuthorizationExpired,
    CaptureExceedsAuthorization,
    OperationInFlight,
    RefundExceedsCapture,
    StateConflict,
)
from transaction_processing.payments import Payment
from transaction_processing.pending import OperationKind, PendingOperation
from transaction_processing.states import PaymentState


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One request to change a payment. `amount_minor` None stands for all that is left; a void has none."""

    kind: OperationKind
    payment_id: str
    idempotency_key: str
    amount_minor: int | None

    @classmethod
    def expiry(cls, payment_id: str) -> "Operation":
        """The one operation that gives a payment's authorisation up when it is too old."""
        return cls(kind=OperationKind.EXPIRY, payment_id=payment_id, idempotency_key="", amount_minor=None)

    @property
    def operation_id(self) -> str:
        """The one id that this key can lead to on this payment: however late it is repeated, it is not done twice."""
        scope = json.dumps([self.payment_id, self.kind, self.idempotency_key])
        return f"op_{hashlib.sha256(scope.encode()).hexdigest()[:32]}"

    def is_pending(self, payment: Payment) -> bool:
        """Whether it is this operation that the payment waits for."""
        return payment.pending is not None and payment.pending.operation_id == self.operation_id

    def begin(self, payment: Payment, *, at: datetime, expires_after: timedelta) -> Payment:
        """The payment with this operation pending: what it will move is taken, and nothing else can begin.

        Of an authorisation that was made `expires_after` ago nothing is captured. Raises `AuthorizationExpired`,
        `OperationInFlight`, `StateConflict` or what says that it would be too much.
        """
        if payment.pending is not None:
            raise OperationInFlight
        expired = at - payment.created_at >= expires_after
        amount = self._amount(payment, expired=expired)
        pending = PendingOperation(operation_id=self.operation_id, kind=self.kind, amount_minor=amount)
        return replace(payment, pending=pending, version=payment.version + 1, updated_at=at)

    def _amount(self, payment: Payment, *, expired: bool) -> int:
        if self.kind is OperationKind.CAPTURE:
            return _capturable(payment, self.amount_minor, expired=expired)
        if self.kind is OperationKind.REFUND:
            return _refundable(payment, self.amount_minor)
        if self.kind is OperationKind.EXPIRY and payment.held_minor:
            return payment.held_minor
        if payment.state is not PaymentState.AUTHORIZED:
            raise StateConflict(self.kind, payment.state)
        return payment.money.amount_minor


def done(payment: Payment, *, at: datetime) -> Payment:
    """The payment after the acquirer has done what was pending."""
    pending, settled = _pending(payment), replace(payment, pending=None)
    if pending.kind is OperationKind.CAPTURE:
        captured = payment.captured_minor + pending.amount_minor
        return replace(settled.moved_to(PaymentState.CAPTURED, at=at), captured_minor=captured)
    if pending.kind is OperationKind.REFUND:
        refunded = payment.refunded_minor + pending.amount_minor
        whole = refunded == payment.captured_minor
        state = PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED
        return replace(settled.moved_to(state, at=at), refunded_minor=refunded)
    if payment.state is not PaymentState.AUTHORIZED:
        return given_up(settled, at=at)
    state = PaymentState.VOIDED if pending.kind is OperationKind.VOID else PaymentState.EXPIRED
    return settled.moved_to(state, at=at)


def refused(payment: Payment, *, at: datetime) -> Payment:
    """The payment after the acquirer has declined what was pending: as it was before.

    An authorisation that the acquirer will not void any more has lapsed there too.
    """
    if _pending(payment).kind is OperationKind.EXPIRY:
        return done(payment, at=at)
    return replace(payment, pending=None, version=payment.version + 1, updated_at=at)


def given_up(payment: Payment, *, at: datetime) -> Payment:
    """The payment that was captured in part, of whose authorisation the rest is nobody's any more."""
    released = payment.released_minor + payment.held_minor
    return replace(payment, released_minor=released, version=payment.version + 1, updated_at=at)


def _pending(payment: Payment) -> PendingOperation:
    if payment.pending is None:
        raise ValueError("nothing is pending")
    return payment.pending


def _capturable(payment: Payment, amount_minor: int | None, *, expired: bool) -> int:
    if payment.state not in (PaymentState.AUTHORIZED, PaymentState.CAPTURED):
        raise StateConflict(OperationKind.CAPTURE, payment.state)
    left = payment.money.amount_minor - payment.captured_minor
    # What has been given up stays so, even where an operator lets authorisations live longer from now on.
    if left and (expired or payment.released_minor):
        raise AuthorizationExpired
    amount = left if amount_minor is None else amount_minor
    if not 1 <= amount <= left:
        raise CaptureExceedsAuthorization
    return amount


def _refundable(payment: Payment, amount_minor: int | None) -> int:
    left = payment.captured_minor - payment.refunded_minor
    if payment.state is PaymentState.REFUNDED:
        raise RefundExceedsCapture
    if payment.state not in (PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED):
        raise StateConflict(OperationKind.REFUND, payment.state)
    amount = left if amount_minor is None else amount_minor
    if not 1 <= amount <= left:
        raise RefundExceedsCapture
    return amount
