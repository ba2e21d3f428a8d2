"""Statistics and expressions over a time range.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from local.engine.cloudwatch.errors import CloudWatchError, UnsupportedError
from local.engine.cloudwatch.queries import Metric, Queries, Query
from local.engine.cloudwatch.series import Grid, Series, aggregate

LARGEST_ANSWER = 100_800
MOST_DATAPOINTS = 1440


def get_metric_data(asked: Mapping[str, Any], *, account: str, region: str) -> dict[str, Any]:
    """The operation's result, times as datetimes. Raises `CloudWatchError`."""
    if asked.get("NextToken"):
        raise CloudWatchError("NextToken is not one that GetMetricData gave out")
    queries = Queries(asked["MetricDataQueries"])
    start, end = _seconds(asked["StartTime"]), _seconds(asked["EndTime"])
    if start >= end:
        raise CloudWatchError("The parameter StartTime must be less than the parameter EndTime")
    newest_first = asked.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    # AWS first rounds the range outwards to whole minutes; here it is taken as it is, since tests run in seconds.
    points = {
        i: [
            p for p in Metric.of(stat["Metric"]).points(account=account, region=region) if start <= p["Timestamp"] < end
        ]
        for i, stat in queries.metrics().items()
    }
    results = []
    for query in queries.returned():
        grid = Grid.around(start=start, end=end, period=_period(query, queries))
        found = queries.value(query["Id"], grid=grid, points=points)
        labelled = zip(_labels(query, found, queries), found if isinstance(found, tuple) else (found,), strict=True)
        results += [_result(query["Id"], label, series, newest_first) for label, series in labelled]
    if sum(len(r["Values"]) for r in results) > int(asked.get("MaxDatapoints") or LARGEST_ANSWER):
        raise UnsupportedError("the embedded CloudWatch answers in one page: ask for a shorter time")
    return {"MetricDataResults": results, "Messages": []}


def get_metric_statistics(asked: Mapping[str, Any], *, account: str, region: str) -> dict[str, Any]:
    """The operation's result: of the metric with exactly these dimensions, none if there are none."""
    start, end, period = _seconds(asked["StartTime"]), _seconds(asked["EndTime"]), float(asked["Period"])
    if start >= end:
        raise CloudWatchError("The parameter StartTime must be less than the parameter EndTime")
    if (end - start) / period > MOST_DATAPOINTS:
        raise CloudWatchError(f"The request asks for more than {MOST_DATAPOINTS} datapoints: make the period longer")
    stored = Metric.of(asked).points(account=account, region=region)
    unit = asked.get("Unit")
    points = [p for p in stored if start <= p["Timestamp"] < end and (unit is None or p.get("Unit") == unit)]
    grid = Grid.around(start=start, end=end, period=period)
    plain, extended = asked.get("Statistics") or [], asked.get("ExtendedStatistics") or []
    if not plain and not extended:
        raise CloudWatchError("Either Statistics or ExtendedStatistics must be given")
    found = {name: aggregate(points, statistic=name, grid=grid) for name in (*plain, *extended)}
    datapoints = [
        {
            "Timestamp": datetime.fromtimestamp(at, UTC),
            "Unit": points[0].get("Unit", "None"),
            **{name: found[name][at] for name in plain if at in found[name]},
            **({"ExtendedStatistics": {n: found[n][at] for n in extended if at in found[n]}} if extended else {}),
        }
        for at in sorted({at for series in found.values() for at in series})
    ]
    return {"Label": asked["MetricName"], "Datapoints": datapoints}


def _period(query: Query, queries: Queries) -> float:
    if "MetricStat" in query:
        return float(query["MetricStat"]["Period"])
    periods = queries.periods() or {int(query.get("Period") or 0)}
    if len(periods) != 1 or 0 in periods:
        raise UnsupportedError("the embedded CloudWatch computes expressions over metrics of one period")
    return float(periods.pop())


def _labels(query: Query, found: Any, queries: Queries) -> list[str]:
    own = str(query.get("Label") or "")
    if not isinstance(found, tuple):
        return [own or (query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"])]
    names = [stat["Metric"]["MetricName"] for stat in queries.metrics().values()]
    names = names if len(names) == len(found) else [str(n) for n in range(1, len(found) + 1)]
    return [f"{own or query['Id']} {name}" for name in names]


def _result(identifier: str, label: str, series: Series, newest_first: bool) -> dict[str, Any]:
    times = sorted(series, reverse=newest_first)
    return {
        "Id": identifier,
        "Label": label,
        "Timestamps": [datetime.fromtimestamp(at, UTC) for at in times],
        "Values": [series[at] for at in times],
        "StatusCode": "Complete",
    }


def _seconds(given: Any) -> float:
    """A time of the JSON protocol (a number) or of the query protocol (ISO 8601)."""
    if isinstance(given, int | float):
        return float(given)
    try:
        return float(given)
    except ValueError:
        return datetime.fromisoformat(str(given).replace("Z", "+00:00")).timestamp()
