"""Capturing, voiding and refunding: each once per key, whatever fails and however often it is asked for."""

import json
from dataclasses import dataclass
from datetime import timedelta

from payment_core import logs
from payment_core.clock import Clock
from payment_core.errors import DependencyUnavailable, PaymentError
from payment_core.http import Response
from payment_core.problem import problem_response
from transaction_processing.acquirer import Acquirer
from transaction_processing.answers import FIRST_PROBLEM_STATUS, answer, completion_of, let_go, replayed
from transaction_processing.errors import (
    IdempotencyInFlight,
    KeyAlreadyUsed,
    OperationDeclined,
    PaymentNotFound,
    ProcessingError,
)
from transaction_processing.failures import FailureNotifier, told
from transaction_processing.idempotency import Claim, Completion, IdempotencyStore, Scope, StoredAnswer
from transaction_processing.ledger import ConcurrentChange, Ledger, OperationStatus
from transaction_processing.operations import Operation
from transaction_processing.payments import Payment
from transaction_processing.pending import OperationKind
from transaction_processing.settlement import settle

# Each round lost to another change of the same payment is read again and judged again.
ROUNDS = 5
STATUS = {OperationKind.CAPTURE: 200, OperationKind.VOID: 200, OperationKind.REFUND: 201}


@dataclass(frozen=True, kw_only=True)
class PaymentChange:
    """The use case.

    The operation is on record as pending before the acquirer is asked; its outcome, the event and the answer are one
    transaction. Whoever is killed in between leaves a pending operation, which the next request with the key finishes,
    or the sweeper.
    """

    idempotency: IdempotencyStore
    ledger: Ledger
    acquirer: Acquirer
    failures: FailureNotifier
    clock: Clock
    expires_after: timedelta

    def change(self, operation: Operation, *, merchant_id: str, correlation_id: str) -> Response:
        """The answer to the client. Raises `PaymentError`; what is refused has written nothing."""
        with told(
            self.failures, payment_id=operation.payment_id, merchant_id=merchant_id, correlation_id=correlation_id
        ):
            return self._change(operation, merchant_id=merchant_id, correlation_id=correlation_id)

    def _change(self, operation: Operation, *, merchant_id: str, correlation_id: str) -> Response:
        payment = self._find(operation, merchant_id)
        scope = Scope(
            merchant_id=merchant_id,
            method="POST",
            path=f"/payments/{operation.payment_id}/{operation.kind}",
            key=operation.idempotency_key,
        )
        # All that the body can say, as it is: it holds no secret, and so needs no hash.
        fingerprint = json.dumps({"amount_minor": operation.amount_minor})
        if not operation.is_pending(payment):
            try:
                operation.begin(payment, at=self.clock(), expires_after=self.expires_after)
            except ProcessingError:
                stored = self.idempotency.peek(scope, request_fingerprint=fingerprint, now=self.clock())
                if stored is not None:
                    return replayed(stored)
                # Its own effect may be what stands in its way now: somebody else has finished it.
                if self.ledger.status_of(operation) is None:
                    raise
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
            if operation.is_pending(payment):
                return self._ask(claim, operation, payment, correlation_id=correlation_id, repeated=True)
            if claim.resumed or attempt:
                ended = self.ledger.status_of(operation)
                if ended is not None and not ended.pending:
                    if not claim.resumed:
                        raise KeyAlreadyUsed
                    now = self._find(operation, payment.merchant_id)
                    return self._tell_again(claim, operation, ended, now, correlation_id=correlation_id)
            try:
                begun = operation.begin(payment, at=self.clock(), expires_after=self.expires_after)
                self.ledger.advance(payment, begun, correlation_id=correlation_id)
            except ConcurrentChange:
                payment = self._find(operation, payment.merchant_id)
            except KeyAlreadyUsed:
                if not (claim.resumed or attempt):
                    raise
                # A write of our own, or of whoever began, has landed late.
                payment = self._find(operation, payment.merchant_id)
            except ProcessingError:
                # What stands in the way may be this operation, from before the key was forgotten.
                if not claim.resumed and self.ledger.status_of(operation) is not None:
                    raise KeyAlreadyUsed from None
                raise
            else:
                return self._ask(claim, operation, begun, correlation_id=correlation_id, repeated=False)
        raise IdempotencyInFlight

    def _ask(
        self, claim: Claim, operation: Operation, begun: Payment, *, correlation_id: str, repeated: bool
    ) -> Response:
        settled = settle(self.acquirer, begun, repeated=repeated, at=self.clock())
        completion = _completion(
            claim, operation, settled.payment, refusal=settled.refusal, correlation_id=correlation_id
        )
        try:
            self.ledger.advance(
                begun,
                settled.payment,
                correlation_id=correlation_id,
                completion=completion,
                refusal=settled.refusal,
            )
        except ConcurrentChange as error:
            # The sweeper, or another request with the key, was faster: the next one tells what it did.
            raise IdempotencyInFlight from error
        tell(operation.kind, settled.payment, refusal=settled.refusal, correlation_id=correlation_id)
        return _answer(operation, completion)

    def _tell_again(
        self, claim: Claim, operation: Operation, ended: OperationStatus, payment: Payment, *, correlation_id: str
    ) -> Response:
        """Answer a request whose operation somebody else has finished: with the payment as it is now."""
        completion = _completion(claim, operation, payment, refusal=ended.refusal, correlation_id=correlation_id)
        self.idempotency.complete(completion)
        return _answer(operation, completion)

    def _find(self, operation: Operation, merchant_id: str) -> Payment:
        payment = self.ledger.find(operation.payment_id)
        if payment is None or payment.merchant_id != merchant_id:
            raise PaymentNotFound
        return payment


def _completion(
    claim: Claim, operation: Operation, payment: Payment, *, refusal: str | None, correlation_id: str
) -> Completion:
    if refusal is None:
        return completion_of(claim, payment, status=STATUS[operation.kind])
    problem = problem_response(OperationDeclined(refusal), correlation_id=correlation_id)
    return Completion(claim=claim, answer=StoredAnswer(status=problem.status, body=problem.body))


def _answer(operation: Operation, completion: Completion) -> Response:
    declined = completion.answer.status >= FIRST_PROBLEM_STATUS
    return answer(completion.answer, outcome="operation_declined" if declined else f"{operation.kind}_recorded")


def tell(kind: OperationKind, payment: Payment, *, refusal: str | None, correlation_id: str) -> None:
    """Log what has become of an operation."""
    logs.info(
        "operation_declined" if refusal else "payment_changed",
        step=kind,
        payment_id=payment.payment_id,
        merchant_id=payment.merchant_id,
        state=payment.state,
        amount_minor=payment.money.amount_minor,
        captured_minor=payment.captured_minor,
        refunded_minor=payment.refunded_minor,
        currency=payment.money.currency,
        decline_reason=refusal or "",
        correlation_id=correlation_id,
    )
