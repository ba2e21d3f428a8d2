"""When an alarm changes its state. Pure: data points in, state out.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
AVERAGES: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": lambda values: float(len(values)),
    "Sum": sum,
}


class UnsupportedAlarmError(ValueError):
    """An alarm of a kind that is not evaluated here."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One observation: `at` in seconds since 1970."""

    at: float
    value: float


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What of an alarm decides its state."""

    comparison: str
    threshold: float
    statistic: str
    period_seconds: int
    evaluation_periods: int
    datapoints_to_alarm: int
    missing_data: str

    @classmethod
    def of(cls, alarm: Mapping[str, Any]) -> Rule:
        """The rule of an alarm as DescribeAlarms shows it. Raises `UnsupportedAlarmError`."""
        if alarm.get("Metrics"):
            raise UnsupportedAlarmError("metric math")
        if alarm["ComparisonOperator"] not in COMPARISONS:
            raise UnsupportedAlarmError(alarm["ComparisonOperator"])
        periods = int(alarm.get("EvaluationPeriods", 1))
        return cls(
            comparison=alarm["ComparisonOperator"],
            threshold=float(alarm["Threshold"]),
            statistic=alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average"),
            period_seconds=int(alarm.get("Period", 60)),
            evaluation_periods=periods,
            datapoints_to_alarm=int(alarm.get("DatapointsToAlarm") or periods),
            missing_data=alarm.get("TreatMissingData") or "missing",
        )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The state, None for "leave it as it is", and the values that led to it (newest first, None = missing)."""

    state: str | None
    values: tuple[float | None, ...]


def evaluate(rule: Rule, points: Sequence[Point], *, now: float) -> Verdict:
    """Judge the last `evaluation_periods` periods, the running one included."""
    end = math.floor(now / rule.period_seconds) * rule.period_seconds + rule.period_seconds
    values = tuple(
        _statistic(
            rule.statistic,
            [
                p.value
                for p in points
                if end - (back + 1) * rule.period_seconds <= p.at < end - back * rule.period_seconds
            ],
        )
        for back in range(rule.evaluation_periods)
    )
    seen = [value for value in values if value is not None]
    if not seen and rule.missing_data in ("missing", "ignore"):
        return Verdict(state="INSUFFICIENT_DATA" if rule.missing_data == "missing" else None, values=values)
    compare = COMPARISONS[rule.comparison]
    breaching = sum(compare(value, rule.threshold) for value in seen)
    if rule.missing_data == "breaching":
        breaching += len(values) - len(seen)
    return Verdict(state="ALARM" if breaching >= rule.datapoints_to_alarm else "OK", values=values)


def _statistic(name: str, values: list[float]) -> float | None:
    if not values:
        return None
    if name in AVERAGES:
        return AVERAGES[name](values)
    if name.startswith("p") and name[1:].replace(".", "", 1).isdigit():
        ordered = sorted(values)
        rank = math.ceil(float(name[1:]) / 100 * len(ordered)) - 1
        return ordered[min(len(ordered) - 1, max(0, rank))]
    raise UnsupportedAlarmError(f"statistic {name}")
