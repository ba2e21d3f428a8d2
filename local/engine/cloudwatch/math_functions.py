"""The functions and operators of metric math, on numbers, time series and several time series.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
Not here, because that page leaves open what exactly they compute, or because they need what is not here: STDDEV,
ANOMALY_DETECTION_BAND, SEARCH, INSIGHT_RULE_METRIC, SERVICE_QUOTA, DB_PERF_INSIGHTS, LAMBDA, SORT, SLICE, and those
of the calendar.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

from local.engine.cloudwatch.series import Grid, Series

Value = float | Series | tuple[Series, ...]
Operator = Callable[[float, float], float]


def pairwise(operation: Operator, left: Value, right: Value) -> Value:
    """An arithmetic operator. A missing value counts as 0; a period in which it divides by zero is dropped."""
    if isinstance(left, tuple):
        return tuple(_one(pairwise(operation, series, right)) for series in left)
    if isinstance(right, tuple):
        return tuple(_one(pairwise(operation, left, series)) for series in right)
    if isinstance(left, float) and isinstance(right, float):
        # What cannot be computed is dropped as soon as it meets a series.
        return math.nan if (value := _computed(operation, left, right)) is None else value
    found = ((at, _computed(operation, _at(left, at), _at(right, at))) for at in _times(left, right))
    return {at: value for at, value in found if value is not None}


def logical(operation: Callable[[float, float], bool], left: Value, right: Value) -> Value:
    """A comparison or logical operator on two series, two numbers, or one of each: 1 or 0."""
    if isinstance(left, tuple) or isinstance(right, tuple):
        raise TypeError
    return pairwise(lambda a, b: float(operation(a, b)), left, right)


def _computed(operation: Operator, left: float, right: float) -> float | None:
    try:
        value = operation(left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _times(*values: Value) -> list[float]:
    return sorted({at for value in values if isinstance(value, dict) for at in value})


def _at(value: Value, at: float) -> float:
    return value.get(at, 0.0) if isinstance(value, dict) else float(value)  # type: ignore[arg-type]


def _one(value: Value) -> Series:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _each(function: Callable[[Series], Series]) -> Callable[[Grid, Value], Value]:
    """A function of a series that, given several, answers as many."""

    def apply(_: Grid, value: Value) -> Value:
        return tuple(function(series) for series in value) if isinstance(value, tuple) else function(_one(value))

    return apply


def _point_by_point(function: Callable[[float], float]) -> Callable[[Grid, Value], Value]:
    def of_series(series: Series) -> Series:
        found: Series = {}
        for at, value in series.items():
            try:
                found[at] = float(function(value))
            except ValueError:  # the logarithm of what has none
                continue
        return found

    return _each(of_series)


def _reduction(
    reduce: Callable[[list[float]], float], *, missing_is_zero: bool = False
) -> Callable[[Grid, Value], Value]:
    """One number of a series; of several series, one series of what the reduction makes of each period."""

    def apply(_: Grid, value: Value) -> Value:
        if not isinstance(value, tuple):
            seen = list(_one(value).values())
            return float(reduce(seen)) if seen else 0.0
        found: Series = {}
        for at in _times(*value):
            present = [series[at] for series in value if at in series]
            absent = len(value) - len(present)
            found[at] = float(reduce([*present, *([0.0] * absent if missing_is_zero else [])]))
        return found

    return apply


def _steps(make: Operator) -> Callable[[Grid, Value], Value]:
    """What `make` computes of the difference and of the seconds between each value and the one before it."""

    def of_series(series: Series) -> Series:
        pairs = itertools.pairwise(sorted(series.items()))
        return {now: make(value - earlier, now - before) for (before, earlier), (now, value) in pairs}

    return _each(of_series)


def _running_sum(series: Series) -> Series:
    times = sorted(series)
    return dict(zip(times, itertools.accumulate(series[at] for at in times), strict=True))


def _fill(grid: Grid, value: Value, filler: Value | str) -> Value:
    if isinstance(value, tuple):
        return tuple(_one(_fill(grid, series, filler)) for series in value)
    series = _one(value)
    return {at: found for at in grid.starts if (found := _filled(series, at, filler)) is not None}


def _filled(series: Series, at: float, filler: Value | str) -> float | None:
    if at in series:
        return series[at]
    if isinstance(filler, float):
        return filler
    if isinstance(filler, dict):
        return filler.get(at)
    if filler not in ("REPEAT", "LINEAR"):
        raise TypeError
    before = max((t for t in series if t < at), default=None)
    if before is None or filler == "REPEAT":
        return None if before is None else series[before]
    after = min((t for t in series if t > at), default=None)
    if after is None:
        return None
    return series[before] + (series[after] - series[before]) * (at - before) / (after - before)


def _if(_: Grid, condition: Value, when_true: Value, when_false: Value | None = None) -> Value:
    """IF for each period of the condition. A series that lacks the period counts as 0 when true, drops it when not."""
    if isinstance(condition, tuple) or isinstance(when_true, tuple) or isinstance(when_false, tuple):
        raise TypeError
    if isinstance(condition, float):
        chosen = when_true if condition else when_false
        return {} if chosen is None else chosen
    found: Series = {}
    for at, holds in condition.items():
        if holds:
            found[at] = _at(when_true, at)
        elif isinstance(when_false, float):
            found[at] = when_false
        elif when_false is not None and at in when_false:
            found[at] = when_false[at]
    return found


def _of_several(choose: Callable[[tuple[Series, ...]], Value]) -> Callable[[Grid, Value], Value]:
    def apply(_: Grid, value: Value) -> Value:
        if not isinstance(value, tuple):
            raise TypeError
        return choose(value)

    return apply


def _constant(grid: Grid, value: Value) -> Value:
    if not isinstance(value, float):
        raise TypeError
    return dict.fromkeys(grid.starts, value)


def _average(values: list[float]) -> float:
    return sum(values) / len(values)


def _nonempty(several: Iterable[Series]) -> tuple[Series, ...]:
    return tuple(series for series in several if series)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ABS": _point_by_point(abs),
    "AVG": _reduction(_average, missing_is_zero=True),
    "CEIL": _point_by_point(math.ceil),
    "DATAPOINT_COUNT": _reduction(len),
    "DIFF": _steps(lambda difference, _: difference),
    "DIFF_TIME": _steps(lambda _, seconds: seconds),
    "FILL": _fill,
    "FIRST": _of_several(lambda several: several[0] if several else {}),
    "FLOOR": _point_by_point(math.floor),
    "IF": _if,
    "LAST": _of_several(lambda several: several[-1] if several else {}),
    "LOG": _point_by_point(math.log),
    "LOG10": _point_by_point(math.log10),
    "MAX": _reduction(max),
    "METRIC_COUNT": _of_several(lambda several: float(len(several))),
    "MIN": _reduction(min),
    "RATE": _steps(operator.truediv),
    "REMOVE_EMPTY": _of_several(_nonempty),
    "RUNNING_SUM": _each(_running_sum),
    "SUM": _reduction(sum),
    "TIME_SERIES": _constant,
}
