"""What nobody is settling any more is settled here: no payment stays without an outcome, nor authorised for ever."""

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from payment_core import logs
from payment_core.clock import Clock
from payment_core.errors import DependencyUnavailable, Unexpected
from transaction_processing.acquirer import Acquirer
from transaction_processing.changes import tell
from transaction_processing.errors import KeyAlreadyUsed
from transaction_processing.failures import FailureNotifier
from transaction_processing.ledger import ConcurrentChange, Found, Ledger
from transaction_processing.operations import Operation, given_up
from transaction_processing.payments import Payment
from transaction_processing.settlement import settle
from transaction_processing.states import UNSETTLED_STATES

# Whoever began has been gone for long: a function lives 6 seconds, a claim's lease 10.
SETTLED_WITHIN = timedelta(seconds=25)
# A schedule comes once a minute: in between the same run looks again, for as long as somebody may need it.
PAUSE_SECONDS = 5.0
# The function lives 60 seconds; the last payment that is begun needs some of them.
ENDS_AFTER = timedelta(seconds=45)
# An outage of minutes leaves more open payments than a run can list, and that is when somebody has to hear of them.
LOOKS_FOR = timedelta(seconds=3)


@dataclass(kw_only=True)
class Swept:
    """How many payments were settled, and how many still have no outcome: `broken` of these for no known reason."""

    settled: int = 0
    unsettled: int = 0
    broken: int = 0

    def __add__(self, other: "Swept") -> "Swept":
        return Swept(
            settled=self.settled + other.settled,
            unsettled=self.unsettled + other.unsettled,
            broken=self.broken + other.broken,
        )


@dataclass(frozen=True, kw_only=True)
class Sweeper:
    """Asks the acquirer again, by the same id: it does everything once, whoever else asks at the same time."""

    ledger: Ledger
    acquirer: Acquirer
    failures: FailureNotifier
    clock: Clock
    expires_after: timedelta
    pause: Callable[[float], None] = time.sleep

    def run(self) -> Swept:
        """Sweep, and again as long as a payment waits that was too young: what nobody needs ends at once."""
        until, failed = self.clock() + ENDS_AFTER, set[str]()
        swept = self.sweep(until=until, failed=failed)
        while self.clock() < until and self._somebody_waits(besides=failed):
            self.pause(PAUSE_SECONDS)
            swept += self.sweep(until=until, failed=failed)
        return swept

    def sweep(self, *, until: datetime | None = None, failed: set[str] | None = None) -> Swept:
        """Settle what can be settled; begin none after `until`, and none that is in `failed`, to which failures go.

        One payment's failure is told and does not keep the others from theirs.
        """
        swept, started = Swept(), self.clock()
        failed = set() if failed is None else failed
        for found, work in (
            (self.ledger.open_before(started - SETTLED_WITHIN), self._settle),
            (self.ledger.authorized_before(started - self.expires_after), self._expire),
        ):
            self._each(found, work, swept, until=until or started + ENDS_AFTER, failed=failed)
        return swept

    def oldest_open_seconds(self) -> float:
        """How long the payment that waits longest for the acquirer has done so; 0 if none does. Of more payments than
        can be looked at in time, those that were."""
        until, oldest = self.clock() + LOOKS_FOR, None
        for found in self.ledger.open_before(self.clock()):
            oldest = min(oldest or found.since, found.since)
            if self.clock() >= until:
                break
        if oldest is None:
            return 0
        return max(0.0, (self.clock() - datetime.fromisoformat(oldest)).total_seconds())

    def _somebody_waits(self, *, besides: set[str]) -> bool:
        return any(found.payment_id not in besides for found in self.ledger.open_before(self.clock()))

    def _each(
        self,
        found: Iterable[Found],
        work: Callable[[Payment, str], bool],
        swept: Swept,
        *,
        until: datetime,
        failed: set[str],
    ) -> None:
        for each in found:
            if self.clock() >= until:
                return
            if each.payment_id in failed:
                continue
            correlation_id = str(uuid.uuid4())
            try:
                payment = self.ledger.find(each.payment_id)
                swept.settled += payment is not None and work(payment, correlation_id)
            except ConcurrentChange:
                # The client came back and was faster.
                continue
            except Exception as failure:
                # Whatever is wrong with this one is not wrong with the others.
                swept.unsettled += 1
                swept.broken += not isinstance(failure, DependencyUnavailable)
                failed.add(each.payment_id)
                self._tell(each, failure, correlation_id=correlation_id)

    def _tell(self, found: Found, failure: Exception, *, correlation_id: str) -> None:
        logs.error("payment_not_settled", **logs.describe(failure, payment_id=found.payment_id))
        self.failures.notify(
            payment_id=found.payment_id,
            merchant_id=found.merchant_id,
            correlation_id=correlation_id,
            failure=failure if isinstance(failure, DependencyUnavailable) else Unexpected(),
        )

    def _settle(self, payment: Payment, correlation_id: str) -> bool:
        if self.clock() - payment.updated_at < SETTLED_WITHIN:
            return False
        if payment.pending is not None:
            return self._finish(payment, correlation_id, repeated=True)
        if payment.state not in UNSETTLED_STATES:
            return False
        reason = self.acquirer.authorize(
            payment_id=payment.payment_id, token=payment.token, money=payment.money, repeated=True
        )
        settled = payment.settled(reason, at=self.clock())
        self.ledger.advance(payment, settled, correlation_id=correlation_id)
        logs.info(
            "payment_swept",
            payment_id=payment.payment_id,
            merchant_id=payment.merchant_id,
            state=settled.state,
            decline_reason=settled.decline_reason or "",
            correlation_id=correlation_id,
        )
        return True

    def _expire(self, payment: Payment, correlation_id: str) -> bool:
        if not payment.held_minor or payment.pending is not None:
            return False
        begun = Operation.expiry(payment.payment_id).begin(payment, at=self.clock(), expires_after=self.expires_after)
        try:
            self.ledger.advance(payment, begun, correlation_id=correlation_id)
        except KeyAlreadyUsed:
            # Given up before, and forgotten by an older release that wrote the payment since.
            self.ledger.advance(payment, given_up(payment, at=self.clock()), correlation_id=correlation_id)
            return True
        return self._finish(begun, correlation_id, repeated=False)

    def _finish(self, payment: Payment, correlation_id: str, *, repeated: bool) -> bool:
        settled = settle(self.acquirer, payment, repeated=repeated, at=self.clock())
        self.ledger.advance(payment, settled.payment, correlation_id=correlation_id, refusal=settled.refusal)
        if payment.pending is not None:
            tell(payment.pending.kind, settled.payment, refusal=settled.refusal, correlation_id=correlation_id)
        return True
