"""Payments that nobody is settling any more are settled here: none stays without an outcome."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from payment_core import logs
from payment_core.clock import Clock
from payment_core.errors import DependencyUnavailable
from transaction_processing.acquirer import Acquirer
from transaction_processing.failures import FailureNotifier
from transaction_processing.ledger import ConcurrentChange, Ledger
from transaction_processing.payments import Payment
from transaction_processing.states import UNSETTLED_STATES

# Whoever began has been gone for long: a function lives 6 seconds, a claim's lease 10.
SETTLED_WITHIN = timedelta(seconds=60)
# Of each of the index's shards; what is left is for the next sweep.
PAYMENTS_PER_SHARD = 25


@dataclass(kw_only=True)
class Swept:
    """How many payments were settled, and how many still have no outcome."""

    settled: int = 0
    unsettled: int = 0


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Asks the acquirer again, by the same id: it authorises once, whoever else asks at the same time."""

    ledger: Ledger
    acquirer: Acquirer
    failures: FailureNotifier
    clock: Clock

    def sweep(self) -> Swept:
        """Settle what can be settled. One payment's failure is told and does not keep the others from theirs."""
        swept = Swept()
        for found in self.ledger.open_before(self.clock() - SETTLED_WITHIN, limit=PAYMENTS_PER_SHARD):
            correlation_id = str(uuid.uuid4())
            try:
                swept.settled += self._settle(found.payment_id, correlation_id=correlation_id)
            except DependencyUnavailable as failure:
                swept.unsettled += 1
                logs.error("payment_not_settled", **logs.describe(failure, payment_id=found.payment_id))
                self.failures.notify(
                    payment_id=found.payment_id,
                    merchant_id=found.merchant_id,
                    correlation_id=correlation_id,
                    failure=failure,
                )
        return swept

    def _settle(self, payment_id: str, *, correlation_id: str) -> bool:
        payment = self.ledger.find(payment_id)
        if payment is None or not self._abandoned(payment):
            return False
        reason = self.acquirer.authorize(payment_id=payment_id, token=payment.token, money=payment.money, repeated=True)
        settled = payment.settled(reason, at=self.clock())
        try:
            self.ledger.advance(payment, settled, correlation_id=correlation_id)
        except ConcurrentChange:
            # The client came back and was faster.
            return False
        logs.info(
            "payment_swept",
            payment_id=payment_id,
            merchant_id=payment.merchant_id,
            state=settled.state,
            decline_reason=settled.decline_reason or "",
            correlation_id=correlation_id,
        )
        return True

    def _abandoned(self, payment: Payment) -> bool:
        return payment.state in UNSETTLED_STATES and self.clock() - payment.updated_at >= SETTLED_WITHIN
