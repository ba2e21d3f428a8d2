"""Is the new release as good as the live one? Judged from what both served over the same minutes. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LATENCY_IS_DUE_FROM_REQUESTS: Final = 100
"""Some of so many requests are warm, and so have a latency."""


class Missing(StrEnum):
    """What it means that data is missing: nothing, where there is often none, or that nothing is known. The step waits
    for the plan's patience then, and the shift pauses."""

    EXPECTED = "expected"
    INCONCLUSIVE = "inconclusive"


class Verdict(StrEnum):
    GOOD = "good"
    BAD = "bad"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """A release is bad in any of three ways.

    It fails: more than `error_factor` times the live one's share of requests and `error_margin_percent` points more,
    and at least `minimum_faults`; a payment that fails is one in each function that it went through. It is slow: the
    same of requests that take longer than `slow_ms`. Or fraud detection scores too few of its payments in time: at
    least `minimum_unscored` lack a score, and `unscored_margin_percent` points more of them than the live one's.

    Fewer than `minimum_requests` to either colour say nothing of it; `few_requests` says what to make of that. Latency
    that is missing in spite of requests is never expected.
    """

    minimum_requests: int
    few_requests: Missing
    minimum_faults: int
    error_factor: float
    error_margin_percent: float
    slow_ms: int
    minimum_slow: int
    slow_factor: float
    slow_margin_percent: float
    minimum_unscored: int
    unscored_margin_percent: float


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one colour served in a time: 5xx are faults; `slow` of the `timed` requests, which were warm, took longer
    than the criteria's `slow_ms`; `unscored` of the payments that fraud detection was `asked_to_score` got no score in
    time."""

    requests: int
    faults: int
    timed: int
    slow: int
    asked_to_score: int = 0
    unscored: int = 0

    @property
    def error_percent(self) -> float:
        return 100 * self.faults / self.requests if self.requests else 0.0

    @property
    def slow_percent(self) -> float:
        return 100 * self.slow / self.timed if self.timed else 0.0

    @property
    def unscored_percent(self) -> float:
        return 100 * self.unscored / self.asked_to_score if self.asked_to_score else 0.0

    def words(self) -> str:
        scores = f", {self.unscored} of {self.asked_to_score} without a score" if self.unscored else ""
        return f"{self.requests} requests, {self.error_percent:.1f} % failed, {self.slow_percent:.1f} % slow{scores}"


SILENCE: Final = Sample(requests=0, faults=0, timed=0, slow=0)


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    because: str


NOTHING_YET: Final = Judgement(Verdict.INCONCLUSIVE, "no request yet")


def judge(criteria: Criteria, *, new: Sample, live: Sample) -> Judgement:
    words = f"new: {new.words()}; live: {live.words()}"
    if new.faults >= criteria.minimum_faults and (
        new.error_percent > live.error_percent * criteria.error_factor + criteria.error_margin_percent
    ):
        return Judgement(Verdict.BAD, f"the new release fails more often ({words})")
    if _slower(criteria, new=new, live=live):
        return Judgement(Verdict.BAD, f"more requests to the new release take over {criteria.slow_ms} ms ({words})")
    if _scores_too_few(criteria, new=new, live=live):
        return Judgement(Verdict.BAD, f"the new release scores fewer payments in time ({words})")
    if gap := _gap(criteria, new=new, live=live):
        return Judgement(Verdict.INCONCLUSIVE, f"{gap} ({words})")
    return Judgement(Verdict.GOOD, words)


def _gap(criteria: Criteria, *, new: Sample, live: Sample) -> str | None:
    """What would have to be known to call the new release good."""
    for name, sample in (("new", new), ("live", live)):
        if sample.requests < criteria.minimum_requests and criteria.few_requests is Missing.INCONCLUSIVE:
            return (
                f"{sample.requests} requests to the {name} release say nothing, {criteria.minimum_requests} are needed"
            )
        if sample.requests >= LATENCY_IS_DUE_FROM_REQUESTS and not sample.timed:
            return f"{sample.requests} requests to the {name} release, and no latency of any"
    return None


def _slower(criteria: Criteria, *, new: Sample, live: Sample) -> bool:
    if not live.timed or new.slow < criteria.minimum_slow:
        return False
    return new.slow_percent > live.slow_percent * criteria.slow_factor + criteria.slow_margin_percent


def _scores_too_few(criteria: Criteria, *, new: Sample, live: Sample) -> bool:
    if not live.asked_to_score or new.unscored < criteria.minimum_unscored:
        return False
    return new.unscored_percent > live.unscored_percent + criteria.unscored_margin_percent
