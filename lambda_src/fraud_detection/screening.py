"""The way of one attempt through fraud detection: ask everything at once, then score."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from fraud_detection.attempt import Attempt
from fraud_detection.block_list import BlockList
from fraud_detection.countries import issuing_country
from fraud_detection.scoring import Assessment, Signals, Thresholds, assess
from fraud_detection.velocity import VelocityCounter

# Enough of an id to tell those of one window apart; a set of them has to stay small.
MEMBER_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Screening:
    """`limits` are by kind: payments per card and per customer, cards per address, in one window."""

    counter: VelocityCounter
    block_list: BlockList
    limits: Mapping[str, int]
    thresholds: Thresholds
    executor: Executor

    def screen(self, attempt: Attempt, *, now: datetime) -> Assessment:
        """Count the attempt and assess it. The counters and the list answer side by side: it takes one round trip.

        Raises `DependencyUnavailable` where one of them does not answer: half of the signals are none.
        """
        subjects = attempt.subjects
        listed = self.executor.submit(self.block_list.blocked, {**subjects, "bin": attempt.bin}, now=now)
        counted = {
            kind: self.executor.submit(
                self.counter.count, f"{kind}#{subject}", _member(kind, attempt), limit=self.limits[kind], now=now
            )
            for kind, subject in subjects.items()
        }
        signals = Signals(
            blocked=listed.result(),
            velocities={kind: velocity.result() for kind, velocity in counted.items()},
            amount_minor=attempt.amount_minor,
            billing_country=attempt.billing_country,
            issuing_country=issuing_country(attempt.bin),
        )
        return assess(signals, self.thresholds)


def _member(kind: str, attempt: Attempt) -> str:
    """Many payments from one address are a busy merchant; many cards are somebody who tries them out."""
    identity = attempt.fingerprint if kind == "address" else attempt.payment_id.removeprefix("pay_")
    return identity[:MEMBER_DIGITS]
