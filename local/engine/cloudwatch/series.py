"""Time series: one value for each period that has data, and the statistics that make them from observations.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.engine import seams
from local.engine.cloudwatch.errors import UnsupportedError

STATISTICS = ("Average", "Maximum", "Minimum", "SampleCount", "Sum")
PERCENTILE = re.compile(r"p(\d{1,2}(\.\d+)?|100(\.0+)?)")

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
    """Raise `UnsupportedError` for a statistic that is not computed here (trimmed means and their like)."""
    if name not in STATISTICS and not PERCENTILE.fullmatch(name):
        raise UnsupportedError(f"the embedded CloudWatch has no statistic {name}")


def is_percentile(name: str) -> bool:
    return PERCENTILE.fullmatch(name) is not None


def aggregate(points: Iterable[Mapping[str, Any]], *, statistic: str, grid: Grid, unit: str | None = None) -> Series:
    """The statistic of each of the grid's periods, of the observations with that unit (all when there is none).

    A percentile needs single values: a period with a statistic set has none, as on AWS.
    """
    check_statistic(statistic)
    periods: dict[float, list[Mapping[str, Any]]] = {}
    for point in points:
        at = float(point["Timestamp"])
        if grid.start <= at < grid.end and (unit is None or point.get("Unit") == unit):
            start = grid.start + math.floor((at - grid.start) / grid.period) * grid.period
            periods.setdefault(start, []).append(point)
    found = {start: _value(statistic, periods[start]) for start in sorted(periods)}
    return {start: value for start, value in found.items() if value is not None}


def samples(points: Iterable[Mapping[str, Any]], *, grid: Grid) -> float:
    """How many observations the grid holds; a statistic set counts as often as it says."""
    inside = [p for p in points if grid.start <= float(p["Timestamp"]) < grid.end]
    return float(seams.get("cloudwatch.statistics")(inside).get("SampleCount", 0.0))


def _value(statistic: str, points: list[Mapping[str, Any]]) -> float | None:
    computed = seams.get("cloudwatch.statistics")(points)
    if not computed:
        return None
    value = seams.get("cloudwatch.statistic")(computed, statistic, points)
    return None if value is None else float(value)
