"""Time series: one value for each period that has data, and the statistics that make them from observations.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.engine import seams
from local.engine.cloudwatch.errors import UnsupportedError

OF_SINGLE_VALUES: Mapping[str, Callable[[list[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Maximum": max,
    "Minimum": min,
    "SampleCount": len,
    "Sum": sum,
}
PERCENTILE = re.compile(r"p(\d{1,2}(\.\d+)?|100(\.0+)?)")
# How many values lie above the first and not above the second number; either may be left out.
TRIMMED_COUNT = re.compile(r"TC\((?P<above>\d+(\.\d+)?)?:(?P<up_to>\d+(\.\d+)?)?\)")

# The value of each period by the period's start; a period without data is absent. Seconds since 1970.
Series = dict[float, float]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The periods that are looked at: the first begins at `start`, the last ends at `end`."""

    start: float
    end: float
    period: float

    @classmethod
    def around(cls, *, start: float, end: float, period: float) -> Grid:
        """The whole periods that a time range touches, as CloudWatch aligns them."""
        return cls(start=math.floor(start / period) * period, end=math.ceil(end / period) * period, period=period)

    @property
    def starts(self) -> tuple[float, ...]:
        return tuple(self.start + n * self.period for n in range(round((self.end - self.start) / self.period)))


def check_statistic(name: str) -> None:
    """Raise `UnsupportedError` for a statistic that is not computed here (trimmed means, bounds in percent)."""
    if name not in OF_SINGLE_VALUES and not PERCENTILE.fullmatch(name) and not TRIMMED_COUNT.fullmatch(name):
        raise UnsupportedError(f"the embedded CloudWatch has no statistic {name}")


def is_percentile(name: str) -> bool:
    return PERCENTILE.fullmatch(name) is not None


def aggregate(points: Iterable[Mapping[str, Any]], *, statistic: str, grid: Grid, unit: str | None = None) -> Series:
    """The statistic of each of the grid's periods, of the observations with that unit (all when there is none).

    A percentile or a trimmed count needs single values: a period with a statistic set has none, as on AWS.
    """
    check_statistic(statistic)
    start, end, period = grid.start, grid.end, grid.period
    periods: dict[int, list[Mapping[str, Any]]] = {}
    # Under load these are tens of thousands of points for each alarm and second.
    for point in points:
        at = point["Timestamp"]
        if start <= at < end and (unit is None or point.get("Unit") == unit):
            periods.setdefault(int((at - start) // period), []).append(point)
    found = {start + number * period: _value(statistic, periods[number]) for number in sorted(periods)}
    return {at: value for at, value in found.items() if value is not None}


def samples(points: Iterable[Mapping[str, Any]], *, grid: Grid) -> float:
    """How many observations the grid holds; a statistic set counts as often as it says."""
    inside = [p for p in points if grid.start <= float(p["Timestamp"]) < grid.end]
    return float(seams.get("cloudwatch.statistics")(inside).get("SampleCount", 0.0))


def _value(statistic: str, points: list[Mapping[str, Any]]) -> float | None:
    if any("_stat" in point or "Count" in point for point in points):
        if TRIMMED_COUNT.fullmatch(statistic):
            return None
        computed = seams.get("cloudwatch.statistics")(points)
        value = seams.get("cloudwatch.statistic")(computed, statistic, points) if computed else None
        return None if value is None else float(value)
    values = [float(point["Value"]) for point in points]
    if statistic in OF_SINGLE_VALUES:
        return float(OF_SINGLE_VALUES[statistic](values))
    if trimmed := TRIMMED_COUNT.fullmatch(statistic):
        above, up_to = (float(trimmed[name] or default) for name, default in (("above", "-inf"), ("up_to", "inf")))
        return float(sum(above < value <= up_to for value in values))
    return _percentile(sorted(values), float(statistic[1:]) / 100)


def _percentile(ordered: list[float], share: float) -> float | None:
    """By linear interpolation between the two nearest ranks; CloudWatch has none of negative values."""
    if ordered[0] < 0:
        return None
    rank = share * (len(ordered) - 1)
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (rank - below) * (ordered[above] - ordered[below])
