"""Metric math, by AWS's own examples.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

from typing import Any

import pytest

from local.engine.cloudwatch.errors import CloudWatchError, UnsupportedError
from local.engine.cloudwatch.metric_math import Scope, evaluate
from local.engine.cloudwatch.queries import Queries
from local.engine.cloudwatch.series import Grid, Series

PERIOD = 60.0


def series(*values: float | None) -> Series:
    return {n * PERIOD: float(value) for n, value in enumerate(values) if value is not None}


METRICS = {
    "metric1": series(1, 1, 0, 0, None),
    "metric2": series(30, None, 0, 0, 30),
    "metric3": series(0, 0, 20, None, 20),
    "errors1": series(30, 20, 0, 0),
    "errors2": series(20, None, 20, None),
    "m1": series(120, 60, None, 240, 0),
}


def value(expression: str) -> Any:
    grid = Grid(start=0.0, end=5 * PERIOD, period=PERIOD)
    return evaluate(expression, Scope(grid=grid, metrics=METRICS))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # the page's tables
        ("errors1 < errors2", series(0, 0, 1, 0)),
        ("errors1 >= 30", series(1, 0, 0, 0)),
        ("errors1 > 15 AND errors2 > 15", series(1, 0, 0, 0)),
        ("errors1 > 15 && errors2 > 15", series(1, 0, 0, 0)),
        ("errors1 > 15 || errors2 > 15", series(1, 1, 1, 0)),
        ("IF(metric1, metric2, metric3)", series(30, 0, 20, None, None)),
        ("IF(metric1, 5, metric3)", series(5, 5, 20, None, None)),
        ("IF(metric1, metric2, 5)", series(30, 0, 5, 5, None)),
        ("IF(errors1<25, errors1)", series(None, 20, 0, 0)),
        ("IF(1, metric2)", series(30, None, 0, 0, 30)),
        # missing values are 0, a division by zero drops the period
        ("errors1 + errors2", series(50, 20, 20, 0)),
        ("errors1 / errors2", series(1.5, None, 0, None)),
        ("-errors1 * 2 ^ 2", series(-120, -80, 0, 0)),
        ('SUM(METRICS("errors"))', series(50, 20, 20, 0)),
        ("AVG([errors1, errors2])", series(25, 10, 10, 0)),
        ("MAX([errors1, errors2])", series(30, 20, 20, 0)),
        ("SUM(100/[errors1, errors2])", series(100 / 30 + 5, 5, 5)),
        ("errors1 - AVG(errors1)", series(17.5, 7.5, -12.5, -12.5)),
        ("TIME_SERIES(METRIC_COUNT(METRICS()))", series(6, 6, 6, 6, 6)),
        ("m1 / PERIOD(m1)", series(2, 1, None, 4, 0)),
        ("RATE(m1)", series(None, -1, None, 1.5, -4)),
        ("DIFF(m1)", series(None, -60, None, 180, -240)),
        ("FILL(m1, 10)", series(120, 60, 10, 240, 0)),
        ("FILL(m1, REPEAT)", series(120, 60, 60, 240, 0)),
        ("FILL(m1, LINEAR)", series(120, 60, 150, 240, 0)),
        ("FIRST([errors2, m1])", series(20, None, 20, None)),
    ],
)
def test_an_expression_has_the_value_that_aws_documents(expression: str, expected: Series) -> None:
    assert value(expression) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("SEARCH('x', 'Sum', 60)", "no metric math function SEARCH"),
        ("ANOMALY_DETECTION_BAND(m1)", "no metric math function ANOMALY_DETECTION_BAND"),
        ("STDDEV(METRICS())", "no metric math function STDDEV"),
        ("sum(METRICS())", "no metric math function sum"),
        ("AVG(m1)", "must be a time series"),
        ("m1 + unknown", "id unknown"),
        ("m1.real", "metric math has no m1.real"),
        ("[x for x in m1]", "metric math has no"),
        ("__import__('os')", "no metric math function __import__"),
        ("m1 if m1 else m1", "metric math has no"),
        ("m1 and m1", "AND and OR"),
        ("m1 & m1", "no operator &"),
        ("m1 ** 2", r"no operator \*\*"),
        ("1 < m1 < 3", "metric math has no"),
        ("FILL(m1)", "FILL does not take these arguments"),
        ("PERIOD(m1 + m1)", "PERIOD takes a metric"),
        ("METRICS() > 1", "does not take these operands"),
        ("m1 +", "not an expression"),
    ],
)
def test_what_metric_math_does_not_have_is_refused_by_name(expression: str, complaint: str) -> None:
    with pytest.raises(CloudWatchError, match=complaint):
        value(expression)


def query(name: str, **more: Any) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "Payment", "MetricName": name}, "Period": 60, "Stat": "Sum"}
    return {"Id": name, **(more or {"MetricStat": stat})}


def test_expressions_may_use_expressions_but_not_themselves() -> None:
    ratio, percent = query("ratio", Expression="errors / calls"), query("percent", Expression="100 * ratio")
    queries = Queries([query("errors"), query("calls"), ratio, percent])
    grid = Grid(start=0.0, end=60.0, period=60.0)
    points = {name: [{"Timestamp": 1.0, "Value": number}] for name, number in (("errors", 1.0), ("calls", 4.0))}

    assert queries.value("percent", grid=grid, points=points) == {0.0: 25.0}
    with pytest.raises(CloudWatchError, match="refers to itself"):
        Queries([query("a", Expression="b + 1"), query("b", Expression="a + 1")])
    with pytest.raises(UnsupportedError, match="Metrics Insights"):
        Queries([query("a", Expression="SELECT AVG(x) FROM y")])
