"""When an alarm changes its state. Pure: the values of periods in, state out.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.engine.cloudwatch.errors import CloudWatchError, UnsupportedError

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
MISSING_DATA = ("breaching", "ignore", "missing", "notBreaching")
# CloudWatch looks further back than the evaluation periods; AWS's own example takes five points to judge three.
FURTHER_BACK = 2
# Of these namespaces missing data always leaves the state as it is, whatever the alarm says.
ALWAYS_IGNORED = ("AWS/DynamoDB",)

Value = float | None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What of an alarm decides its state."""

    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    missing_data: str

    @classmethod
    def of(cls, alarm: Mapping[str, Any]) -> Rule:
        """The rule of an alarm as DescribeAlarms shows it. Raises `CloudWatchError`."""
        if alarm.get("ThresholdMetricId"):
            raise UnsupportedError("the embedded CloudWatch has no anomaly detection")
        if alarm.get("ComparisonOperator") not in COMPARISONS:
            raise UnsupportedError(f"the embedded CloudWatch has no comparison {alarm.get('ComparisonOperator')}")
        if alarm.get("Threshold") is None:
            raise CloudWatchError("An alarm needs a Threshold")
        periods = int(alarm.get("EvaluationPeriods", 1))
        needed = int(alarm.get("DatapointsToAlarm") or periods)
        treatment = alarm.get("TreatMissingData") or "missing"
        if needed > periods:
            raise CloudWatchError("DatapointsToAlarm must not be greater than EvaluationPeriods")
        if treatment not in MISSING_DATA:
            raise CloudWatchError(f"TreatMissingData must be one of {', '.join(MISSING_DATA)}")
        return cls(
            comparison=alarm["ComparisonOperator"],
            threshold=float(alarm["Threshold"]),
            evaluation_periods=periods,
            datapoints_to_alarm=needed,
            missing_data="ignore" if alarm.get("Namespace") in ALWAYS_IGNORED else treatment,
        )

    @property
    def range(self) -> int:
        """How many periods are looked at."""
        return self.evaluation_periods + FURTHER_BACK

    @property
    def rises(self) -> bool:
        """Whether too much is what it warns of."""
        return self.comparison.startswith("Greater")

    def breached_by(self, value: float) -> bool:
        return COMPARISONS[self.comparison](value, self.threshold)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The state, None for "leave it as it is", and the values that led to it (newest first)."""

    state: str | None
    values: tuple[float, ...]


def evaluate(rule: Rule, values: Sequence[Value]) -> Verdict:
    """Judge the values of the rule's range, newest first, None for a period without data.

    Real values go before missing ones wherever they stand in the range: the treatment of missing data fills up only
    what lacks to the number of evaluation periods.
    """
    seen = [value for value in values if value is not None][: rule.evaluation_periods]
    breaching = sum(rule.breached_by(value) for value in seen)
    lacking = rule.evaluation_periods - len(seen)
    if lacking and rule.missing_data == "breaching":
        breaching += lacking
    state: str | None = "ALARM" if breaching >= rule.datapoints_to_alarm else "OK"
    if lacking and state == "OK" and rule.missing_data in ("missing", "ignore") and breaching == len(seen):
        # Nothing speaks for OK: there is no value at all, or only too few that are all over the threshold.
        state = _undecided(rule, values) if rule.missing_data == "missing" else None
    return Verdict(state=state, values=tuple(seen))


def _undecided(rule: Rule, values: Sequence[Value]) -> str:
    """ALARM once the oldest value is as old as the datapoints to alarm, so that a silenced metric is noticed."""
    oldest = max((age for age, value in enumerate(values, start=1) if value is not None), default=0)
    return "ALARM" if oldest >= rule.datapoints_to_alarm else "INSUFFICIENT_DATA"
