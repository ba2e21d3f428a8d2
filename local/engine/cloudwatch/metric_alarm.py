"""One metric alarm: the values of its periods and what they mean.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local.engine.cloudwatch.errors import CloudWatchError
from local.engine.cloudwatch.evaluation import Rule, Value, Verdict, evaluate
from local.engine.cloudwatch.queries import Metric, Points, Queries
from local.engine.cloudwatch.series import Grid, is_percentile, samples

PHRASES = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
LARGEST_WINDOW_SECONDS = 7 * 24 * 3600
METRICS_IN_AN_EXPRESSION = 10
HIGH_RESOLUTION = (10, 20, 30)
DEFAULT_PERIOD = 60


class MetricAlarm:
    """An alarm as DescribeAlarms shows it. Raises `CloudWatchError` for one that CloudWatch refuses."""

    def __init__(self, alarm: Mapping[str, Any]) -> None:
        self._rule = Rule.of(alarm)
        self._metric_id, self._queries = _queries(alarm)
        periods = self._queries.periods()
        if len(periods) != 1:
            raise CloudWatchError("All metrics of an alarm must have the same period")
        self.period = float(periods.pop())
        if self.period not in HIGH_RESOLUTION and self.period % 60:
            raise CloudWatchError("Period must be 10, 20, 30 or a multiple of 60")
        if self.period * self._rule.evaluation_periods > LARGEST_WINDOW_SECONDS:
            raise CloudWatchError("The alarm looks further back than CloudWatch does")
        self._low_samples_ignored = alarm.get("EvaluateLowSampleCountPercentile") == "ignore"

    def verdict(self, *, now: float, points: Callable[[Metric, float], Points]) -> Verdict:
        """The state at `now` (seconds of CloudWatch's clock) by the observations that `points` reads since a time.

        Closed periods count. Of a plain metric the running one counts as soon as it is over a threshold that warns of
        too much: a sum and a maximum only rise until it closes, so that is early and not wrong.
        """
        stats = self._queries.metrics()
        early = self._metric_id in stats and self._rule.rises
        closed_at = math.floor(now / self.period) * self.period
        grid = Grid(
            start=closed_at - self._rule.range * self.period,
            end=closed_at + (self.period if early else 0),
            period=self.period,
        )
        seen = {i: points(Metric.of(stat["Metric"]), grid.start) for i, stat in stats.items()}
        if self._low_samples_ignored and self._has_low_samples(seen, grid):
            return Verdict(state=None, values=())
        found = self._queries.value(self._metric_id, grid=grid, points=seen)
        if not isinstance(found, dict):
            raise CloudWatchError("an alarm watches one time series, not several")
        newest_first: list[Value] = [found.get(start) for start in reversed(grid.starts)]
        if not early:
            return evaluate(self._rule, newest_first)
        running, *closed = newest_first
        if running is not None and self._rule.breached_by(running):
            return evaluate(self._rule, [running, *closed[:-1]])
        return evaluate(self._rule, closed)

    def reason(self, verdict: Verdict) -> str:
        if not verdict.values:
            return "Insufficient Data: no datapoints were received in the evaluation range"
        over = sum(self._rule.breached_by(value) for value in verdict.values)
        count, were = (over, "were") if verdict.state == "ALARM" else (len(verdict.values) - over, "were not")
        shown = ", ".join(f"{value:g}" for value in verdict.values)
        return (
            f"Threshold Crossed: {count} out of the last {len(verdict.values)} datapoints [{shown}] {were} "
            f"{PHRASES[self._rule.comparison]} the threshold ({self._rule.threshold:g})"
        )

    def reason_data(self, verdict: Verdict, *, at: int) -> dict[str, Any]:
        return {
            "version": "1.0",
            "queryDate": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "period": int(self.period),
            "recentDatapoints": list(reversed(verdict.values)),
            "threshold": self._rule.threshold,
        }

    def _has_low_samples(self, seen: Mapping[str, Points], grid: Grid) -> bool:
        """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html"""
        for identifier, stat in self._queries.metrics().items():
            if is_percentile(stat["Stat"]):
                share = float(stat["Stat"][1:]) / 100
                distance = min(share, 1 - share)
                needed = math.inf if distance == 0 else 10 / distance
                if samples(seen[identifier], grid=grid) < needed:
                    return True
        return False


def _queries(alarm: Mapping[str, Any]) -> tuple[str, Queries]:
    """The alarm's queries and the id of the one that it watches; a plain metric is a single query."""
    if not alarm.get("Metrics"):
        return "m1", Queries([{"Id": "m1", "MetricStat": _plain(alarm)}])
    both = [name for name in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period") if alarm.get(name)]
    if both:
        raise CloudWatchError(f"An alarm with Metrics must not have {', '.join(both)}")
    queries = Queries(alarm["Metrics"])
    watched = queries.returned()
    if len(watched) != 1:
        raise CloudWatchError("Exactly one element of the metrics list should return data")
    if len(queries.metrics()) > METRICS_IN_AN_EXPRESSION:
        raise CloudWatchError(f"An alarm's expression uses at most {METRICS_IN_AN_EXPRESSION} metrics")
    return watched[0]["Id"], queries


def _plain(alarm: Mapping[str, Any]) -> dict[str, Any]:
    if not alarm.get("MetricName") or not alarm.get("Namespace"):
        raise CloudWatchError("An alarm watches a metric, by MetricName and Namespace, or Metrics")
    return {
        "Metric": {name: alarm.get(name) for name in ("Namespace", "MetricName", "Dimensions")},
        "Period": int(alarm.get("Period") or DEFAULT_PERIOD),
        "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average",
        **({"Unit": alarm["Unit"]} if alarm.get("Unit") else {}),
    }
