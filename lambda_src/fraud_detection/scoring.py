"""From signals to a score and a decision."""

from dataclasses import dataclass

VELOCITY_EXCEEDED = "velocity_exceeded"
HIGHEST_SCORE = 100
# Attempts within the limit are suspicious the closer they come to it, but never decide alone.
VELOCITY_WEIGHT = 50


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """`score` is 0 (harmless) to 100; `reasons` name what raised it, the weightiest first."""

    approved: bool
    score: int
    reasons: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """What processing is told."""
        return {
            "decision": "approve" if self.approved else "decline",
            "score": self.score,
            "reasons": list(self.reasons),
        }


def assess(*, attempt: int | None, limit: int) -> Assessment:
    """Assess the card's `attempt`-th try in its window of `limit`; None stands for one too many."""
    if attempt is None:
        return Assessment(approved=False, score=HIGHEST_SCORE, reasons=(VELOCITY_EXCEEDED,))
    return Assessment(approved=True, score=VELOCITY_WEIGHT * (attempt - 1) // limit, reasons=())
