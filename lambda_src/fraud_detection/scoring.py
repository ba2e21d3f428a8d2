"""From signals to a score and a decision; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from fraud_detection.velocity import Velocity

HIGHEST_SCORE = 100
# What decides alone has the highest score, everything else only together with something.
COUNTRY_MISMATCH_POINTS = 40
AMOUNT_HIGH_POINTS = 30
VELOCITY_HIGH_POINTS = 15


class Decision(StrEnum):
    APPROVE = "approve"
    REVIEW = "review"
    DECLINE = "decline"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Scores from which a payment is reviewed or declined; an amount in the payment's own minor unit."""

    review_score: int
    decline_score: int
    amount_high_minor: int


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What was found out about one attempt. Countries are None where nobody knows them."""

    blocked: tuple[str, ...]
    velocities: Mapping[str, Velocity]
    amount_minor: int
    billing_country: str | None
    issuing_country: str | None


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """`score` is 0 (harmless) to 100; `reasons` name what raised it, the weightiest first."""

    decision: Decision
    score: int
    reasons: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """What processing is told."""
        return {"decision": self.decision, "score": self.score, "reasons": list(self.reasons)}


def assess(signals: Signals, thresholds: Thresholds) -> Assessment:
    """Add up what speaks against the attempt, and compare the sum."""
    found = sorted(_points(signals, thresholds), key=lambda part: -part[0])
    score = min(HIGHEST_SCORE, sum(points for points, _ in found))
    decision = Decision.APPROVE
    if score >= thresholds.review_score:
        decision = Decision.REVIEW
    if score >= thresholds.decline_score:
        decision = Decision.DECLINE
    return Assessment(decision=decision, score=score, reasons=tuple(reason for _, reason in found))


def _points(signals: Signals, thresholds: Thresholds) -> Iterator[tuple[int, str]]:
    for kind in signals.blocked:
        yield HIGHEST_SCORE, f"{kind}_on_block_list"
    for kind, velocity in signals.velocities.items():
        if velocity.count is None:
            yield HIGHEST_SCORE, f"{kind}_velocity_exceeded"
        elif velocity.count * 2 > velocity.limit > 1:
            yield VELOCITY_HIGH_POINTS, f"{kind}_velocity_high"
    if signals.amount_minor >= thresholds.amount_high_minor:
        yield AMOUNT_HIGH_POINTS, "amount_high"
    if None not in (known := (signals.billing_country, signals.issuing_country)) and known[0] != known[1]:
        yield COUNTRY_MISMATCH_POINTS, "country_mismatch"
