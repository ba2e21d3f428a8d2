"""Authorising a payment: once, whatever fails and however often it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from payment_core import logs
from payment_core.clock import Clock
from payment_core.errors import DependencyUnavailable, PaymentError
from payment_core.http import Response
from transaction_processing.acquirer import Acquirer, OutcomeUnknown
from transaction_processing.answers import answer, completion_of, let_go, replayed
from transaction_processing.customers import CustomerStore, decline_reason
from transaction_processing.errors import IdempotencyInFlight, KeyAlreadyUsed
from transaction_processing.failures import FailureNotifier, told
from transaction_processing.fraud import FraudAssessment, FraudScorer, Unscored
from transaction_processing.idempotency import KEEP, Claim, Completion, IdempotencyStore, Scope, StoredAnswer
from transaction_processing.ledger import ConcurrentChange, DailyLimitExceeded, Ledger
from transaction_processing.payments import AuthorizePayment, Payment
from transaction_processing.states import UNSETTLED_STATES, PaymentState


@dataclass(frozen=True)
class Progress:
    """The states that a payment has gone through before the acquirer is asked, and whether they are on record.

    The limit is what its customer may pay in a day.
    """

    steps: list[Payment]
    on_record: bool
    daily_limit_minor: int | None = None


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """The use case, with a port for everything it needs.

    Before the acquirer is asked the payment is on record as received; its next state and the answer to the client are
    written in one transaction. Whoever is killed in between leaves a claim whose lease runs out, and a payment that
    the next request with the key finishes.

    Without a score in time, payments above `open_up_to_minor` of their minor unit are refused, others are flagged;
    `count_score` hears which it was, and None of each score that came.
    """

    idempotency: IdempotencyStore
    ledger: Ledger
    customers: CustomerStore
    fraud: FraudScorer
    open_up_to_minor: int
    count_score: Callable[[Unscored | None], None]
    acquirer: Acquirer
    failures: FailureNotifier
    clock: Clock

    def authorize(self, order: AuthorizePayment) -> Response:
        """The answer to the client: a payment, authorised or declined, or its replay. Raises `PaymentError`."""
        with told(
            self.failures,
            payment_id=order.payment_id,
            merchant_id=order.merchant_id,
            correlation_id=order.correlation_id,
        ):
            return self._authorize(order)

    def _authorize(self, order: AuthorizePayment) -> Response:
        scope = Scope(merchant_id=order.merchant_id, method="POST", path="/payments", key=order.idempotency_key)
        claim = self.idempotency.claim(scope, request_fingerprint=order.request_fingerprint, now=self.clock())
        if isinstance(claim, StoredAnswer):
            return replayed(claim)
        try:
            progress = self._assess(order, claim)
        except PaymentError:
            # A resumed claim may stand for a payment: only one that began here can be forgotten.
            let_go(self.idempotency.suspend if claim.resumed else self.idempotency.release, claim)
            raise
        try:
            return self._conclude(order, claim, progress)
        except KeyAlreadyUsed as error:
            if claim.resumed:
                # It was not there a moment ago: a write of whoever began has landed late. The next request finds it.
                let_go(self.idempotency.suspend, claim)
                raise IdempotencyInFlight from error
            let_go(self.idempotency.release, claim)
            raise
        except ConcurrentChange as error:
            raise IdempotencyInFlight from error
        except DependencyUnavailable:
            # Nobody knows what was written: the key stays taken, and the next request with it finds out and finishes.
            let_go(self.idempotency.suspend, claim)
            raise

    def _assess(self, order: AuthorizePayment, claim: Claim) -> Progress:
        """Find the payment, or decide without the acquirer whether it may be made. Writes no payment."""
        if claim.resumed and (found := self.ledger.find(order.payment_id)) is not None:
            if self.clock() - found.created_at >= KEEP:
                raise KeyAlreadyUsed
            return Progress([found], on_record=True)
        received = Payment.received(order, at=self.clock())
        score = self.fraud.ask(order.question())
        customer = self.customers.find(merchant_id=order.merchant_id, customer_id=order.customer_id)
        reason = decline_reason(customer, order.money)
        if reason is None:
            received = replace(received, fraud=self._judgement(score, order))
            reason = received.fraud.decline_reason if received.fraud else None
        if reason is None and customer is not None:
            counted = replace(received, counted=True)
            return Progress([counted], on_record=False, daily_limit_minor=customer.terms.daily_limit_minor)
        declined = received.moved_to(PaymentState.DECLINED, at=self.clock(), decline_reason=reason)
        return Progress([received, declined], on_record=False)

    def _judgement(self, score: Callable[[], FraudAssessment], order: AuthorizePayment) -> FraudAssessment:
        try:
            assessment = score()
        except DependencyUnavailable as failure:
            if order.money.amount_minor > self.open_up_to_minor:
                self.count_score(Unscored.REFUSED)
                raise
            self.count_score(Unscored.LET_THROUGH)
            logs.error("fraud_not_checked", **logs.describe(failure, payment_id=order.payment_id))
            return FraudAssessment.unchecked()
        self.count_score(None)
        return assessment

    def _conclude(self, order: AuthorizePayment, claim: Claim, progress: Progress) -> Response:
        """Bring the payment to its answer and put both on record."""
        payment = progress.steps[-1]
        if payment.state in UNSETTLED_STATES:
            if not progress.on_record:
                try:
                    self.ledger.create(
                        progress.steps,
                        correlation_id=order.correlation_id,
                        daily_limit_minor=progress.daily_limit_minor,
                    )
                except DailyLimitExceeded:
                    uncounted = replace(payment, counted=False)
                    declined = uncounted.moved_to(
                        PaymentState.DECLINED, at=self.clock(), decline_reason="customer_daily_limit"
                    )
                    return self._conclude(order, claim, Progress([uncounted, declined], on_record=False))
            return self._ask_acquirer(order, claim, payment, repeated=progress.on_record)
        completion = completion_of(claim, payment, status=201)
        if progress.on_record:
            self.idempotency.complete(completion)
        else:
            self.ledger.create(progress.steps, correlation_id=order.correlation_id, completion=completion)
        return _settled(payment, completion)

    def _ask_acquirer(self, order: AuthorizePayment, claim: Claim, before: Payment, *, repeated: bool) -> Response:
        try:
            reason = self.acquirer.authorize(
                payment_id=before.payment_id, token=before.token, money=before.money, repeated=repeated
            )
        except OutcomeUnknown:
            if before.state is PaymentState.RECEIVED:
                unknown = before.moved_to(PaymentState.UNKNOWN, at=self.clock())
                self.ledger.advance(before, unknown, correlation_id=order.correlation_id)
            raise
        payment = before.settled(reason, at=self.clock())
        completion = completion_of(claim, payment, status=201)
        self.ledger.advance(before, payment, correlation_id=order.correlation_id, completion=completion)
        return _settled(payment, completion)


def _settled(payment: Payment, completion: Completion) -> Response:
    logs.info(
        "payment_settled",
        payment_id=payment.payment_id,
        merchant_id=payment.merchant_id,
        state=payment.state,
        amount_minor=payment.money.amount_minor,
        currency=payment.money.currency,
        decline_reason=payment.decline_reason or "",
    )
    flags = (str(payment.fraud.verdict),) if payment.fraud and payment.fraud.flagged else ()
    return answer(completion.answer, outcome=payment.state, flags=flags)
