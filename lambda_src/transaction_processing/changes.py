"""Capturing, voiding and refunding: each once per key, whatever fails and however often it is asked for."""

import json
from dataclasses import dataclass

from payment_core import logs
from payment_core.clock import Clock
from payment_core.errors import DependencyUnavailable, PaymentError
from payment_core.http import Response
from transaction_processing.answers import answer, completion_of, let_go, replayed
from transaction_processing.errors import IdempotencyInFlight, KeyAlreadyUsed, PaymentNotFound, ProcessingError
from transaction_processing.idempotency import Claim, IdempotencyStore, Scope, StoredAnswer
from transaction_processing.ledger import ConcurrentChange, Ledger
from transaction_processing.operations import Operation, OperationKind
from transaction_processing.payments import Payment

# Each round lost to another change of the same payment is read again and judged again.
ROUNDS = 5
STATUS = {OperationKind.CAPTURE: 200, OperationKind.VOID: 200, OperationKind.REFUND: 201}


@dataclass(frozen=True, kw_only=True)
class PaymentChange:
    """The use case. Payment, event, operation and answer are one transaction: there is no half of a change."""

    idempotency: IdempotencyStore
    ledger: Ledger
    clock: Clock

    def change(self, operation: Operation, *, merchant_id: str, correlation_id: str) -> Response:
        """The answer to the client. Raises `PaymentError`; what is refused has written nothing."""
        payment = self._find(operation, merchant_id)
        scope = Scope(
            merchant_id=merchant_id,
            method="POST",
            path=f"/payments/{operation.payment_id}/{operation.kind}",
            key=operation.idempotency_key,
        )
        # All that the body can say, as it is: it holds no secret, and so needs no hash.
        fingerprint = json.dumps({"amount_minor": operation.amount_minor})
        try:
            operation.apply(payment, at=self.clock())
        except ProcessingError:
            stored = self.idempotency.peek(scope, request_fingerprint=fingerprint, now=self.clock())
            if stored is None:
                raise
            return replayed(stored)
        claim = self.idempotency.claim(scope, request_fingerprint=fingerprint, now=self.clock())
        if isinstance(claim, StoredAnswer):
            return replayed(claim)
        return self._under(claim, operation, payment, correlation_id=correlation_id)

    def _under(self, claim: Claim, operation: Operation, payment: Payment, *, correlation_id: str) -> Response:
        try:
            return self._apply(claim, operation, payment, correlation_id=correlation_id)
        except (DependencyUnavailable, IdempotencyInFlight):
            # Nobody knows what was written: the next request with the key finds out.
            let_go(self.idempotency.suspend, claim)
            raise
        except PaymentError:
            let_go(self.idempotency.suspend if claim.resumed else self.idempotency.release, claim)
            raise

    def _apply(self, claim: Claim, operation: Operation, payment: Payment, *, correlation_id: str) -> Response:
        for attempt in range(ROUNDS):
            after = operation.apply(payment, at=self.clock())
            completion = completion_of(claim, after, status=STATUS[operation.kind])
            try:
                self.ledger.advance(
                    payment, after, correlation_id=correlation_id, completion=completion, operation=operation
                )
            except ConcurrentChange:
                payment = self._find(operation, payment.merchant_id)
            except KeyAlreadyUsed as error:
                if claim.resumed or attempt:
                    # A write of our own, or of whoever began, has landed late: the next request replays its answer.
                    raise IdempotencyInFlight from error
                raise
            else:
                _tell(operation, after)
                return answer(completion.answer, outcome=f"{operation.kind}_recorded")
        raise IdempotencyInFlight

    def _find(self, operation: Operation, merchant_id: str) -> Payment:
        payment = self.ledger.find(operation.payment_id)
        if payment is None or payment.merchant_id != merchant_id:
            raise PaymentNotFound
        return payment


def _tell(operation: Operation, payment: Payment) -> None:
    logs.info(
        "payment_changed",
        step=operation.kind,
        payment_id=payment.payment_id,
        merchant_id=payment.merchant_id,
        state=payment.state,
        amount_minor=payment.money.amount_minor,
        captured_minor=payment.captured_minor,
        refunded_minor=payment.refunded_minor,
        currency=payment.money.currency,
    )
