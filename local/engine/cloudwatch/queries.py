"""Metric data queries: a metric's statistic or an expression over others, for alarms and for GetMetricData alike.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.engine import seams
from local.engine.cloudwatch import metric_math
from local.engine.cloudwatch.errors import CloudWatchError, UnsupportedError
from local.engine.cloudwatch.metric_math import Scope
from local.engine.cloudwatch.series import Grid, Series, aggregate, check_statistic

IDENTIFIER = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")
Points = Sequence[Mapping[str, Any]]
Query = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of one account and region."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Metric:
        """From the API's `Namespace`, `MetricName` and `Dimensions`."""
        return cls(
            namespace=described["Namespace"],
            name=described["MetricName"],
            dimensions={d["Name"]: d["Value"] for d in described.get("Dimensions") or []},
        )

    def points(self, *, account: str, region: str) -> Points:
        """Its observations: of exactly this namespace, name and set of dimensions."""
        key = (self.namespace, self.name, seams.get("cloudwatch.dimensions_key")(self.dimensions))
        return list(seams.get("cloudwatch.metrics").get_scoped(account, region, key) or ())


class Queries:
    """The queries of one request, checked. Raises `CloudWatchError` for those that CloudWatch refuses."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._by_id = {query["Id"]: query for query in queries}
        if len(self._by_id) != len(queries):
            raise CloudWatchError("The ids of the metric data queries must be unique")
        for query in queries:
            _check(query)
        self._order = tuple(query["Id"] for query in queries)
        self._check_expressions()

    def returned(self) -> tuple[Query, ...]:
        """The queries whose data is asked for."""
        return tuple(self._by_id[i] for i in self._order if self._by_id[i].get("ReturnData", True))

    def metrics(self) -> dict[str, Query]:
        return {i: self._by_id[i]["MetricStat"] for i in self._order if "MetricStat" in self._by_id[i]}

    def periods(self) -> set[int]:
        return {int(stat["Period"]) for stat in self.metrics().values()}

    def value(self, identifier: str, *, grid: Grid, points: Mapping[str, Points]) -> Series | tuple[Series, ...]:
        """What a query's data is on `grid`; `points` has the observations of each metric by query id."""
        series = {
            i: aggregate(points[i], statistic=stat["Stat"], grid=grid, unit=stat.get("Unit"))
            for i, stat in self.metrics().items()
        }
        return self._value(identifier, grid, series)

    def _value(self, identifier: str, grid: Grid, series: Mapping[str, Series]) -> Series | tuple[Series, ...]:
        if identifier in series:
            return series[identifier]
        expression = self._by_id[identifier]["Expression"]
        used = {name: self._value(name, grid, series) for name in self._used(expression) - series.keys()}
        return metric_math.evaluate(expression, Scope(grid=grid, metrics=series, expressions=used))

    def _used(self, expression: str) -> frozenset[str]:
        unknown = sorted(metric_math.names(expression) - self._by_id.keys())
        if unknown:
            raise CloudWatchError(f"{expression}: there is no metric or expression with the id {unknown[0]}")
        return metric_math.names(expression)

    def _check_expressions(self) -> None:
        """Follow every reference, then compute on one period that has data: whatever is refused is refused now."""
        expressions = [i for i in self._order if "Expression" in self._by_id[i]]
        for identifier in expressions:
            self._refuse_cycles(identifier, ())
        grid = Grid(start=0.0, end=60.0, period=60.0)
        series = {i: {0.0: 1.0} for i in self.metrics()}
        for identifier in expressions:
            self._value(identifier, grid, series)

    def _refuse_cycles(self, identifier: str, above: tuple[str, ...]) -> None:
        if identifier in above:
            raise CloudWatchError(f"The expression {identifier} refers to itself")
        expression = self._by_id[identifier].get("Expression")
        for name in self._used(expression) if expression else ():
            self._refuse_cycles(name, (*above, identifier))


def _check(query: Query) -> None:
    if not IDENTIFIER.fullmatch(query["Id"]):
        raise CloudWatchError(f"The id {query['Id']} must start with a lowercase letter and hold letters, digits and _")
    if ("MetricStat" in query) == ("Expression" in query):
        raise CloudWatchError(f"{query['Id']}: either MetricStat or Expression must be given, and not both")
    if query.get("AccountId"):
        raise UnsupportedError("the embedded CloudWatch reads the metrics of the caller's own account only")
    if "MetricStat" in query:
        check_statistic(query["MetricStat"]["Stat"])
    elif query["Expression"].lstrip().upper().startswith("SELECT "):
        raise UnsupportedError("the embedded CloudWatch has no Metrics Insights queries")
