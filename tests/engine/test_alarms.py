"""Alarms: when they change, and that they do.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.engine.cloudwatch.evaluation import Point, Rule, UnsupportedAlarmError, evaluate
from local.engine.cloudwatch.function_metrics import embedded_metrics
from tests.engine.embedded import EmbeddedAws, eventually
from tests.engine.test_functions import function, invoke, role

NOW = 1_000_000_030.0
SETTINGS: dict[str, Any] = {
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 5,
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
}


def verdict(values: list[list[float]], **more: Any) -> str | None:
    """The state after minutes with these observations, the running minute first."""
    rule = Rule.of(SETTINGS | more)
    points = [Point(at=NOW - 60 * back, value=v) for back, seen in enumerate(values) for v in seen]
    return evaluate(rule, points, now=NOW).state


@pytest.mark.parametrize(
    ("minutes", "settings", "state"),
    [
        ([[6], [6], [6]], {}, "ALARM"),
        ([[6], [5], [6]], {}, "OK"),
        ([[3, 4], [6], [6]], {}, "ALARM"),
        ([[6], [5], [6]], {"DatapointsToAlarm": 2}, "ALARM"),
        ([[6], [], []], {"TreatMissingData": "notBreaching"}, "OK"),
        ([[6], [], []], {"TreatMissingData": "breaching"}, "ALARM"),
        ([[], [], []], {"TreatMissingData": "breaching"}, "ALARM"),
        ([[], [], []], {"TreatMissingData": "notBreaching"}, "OK"),
        ([[], [], []], {}, "INSUFFICIENT_DATA"),
        ([[], [], []], {"TreatMissingData": "ignore"}, None),
        ([[], [], [], [9]], {"TreatMissingData": "notBreaching"}, "OK"),
        ([[9]], {"EvaluationPeriods": 1}, "ALARM"),
        ([[4]], {"EvaluationPeriods": 1, "ComparisonOperator": "LessThanThreshold"}, "ALARM"),
        ([[1] * 98 + [9, 9]], {"EvaluationPeriods": 1, "ExtendedStatistic": "p99"}, "ALARM"),
        ([[1] * 99 + [9]], {"EvaluationPeriods": 1, "ExtendedStatistic": "p99"}, "OK"),
        ([[4, 8]], {"EvaluationPeriods": 1, "Statistic": "Average"}, "ALARM"),
    ],
)
def test_state_follows_the_last_periods(minutes: list[list[float]], settings: dict[str, Any], state: str) -> None:
    assert verdict(minutes, **settings) == state


@pytest.mark.parametrize("more", [{"Metrics": [{}]}, {"ComparisonOperator": "GreaterThanUpperThreshold"}])
def test_alarms_of_other_kinds_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedAlarmError):
        Rule.of(SETTINGS | more)


def test_metrics_in_log_lines_are_read() -> None:
    directive = {"Namespace": "Payment", "Dimensions": [["service"]], "Metrics": [{"Name": "Faults", "Unit": "Count"}]}
    line = json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, "service": "fraud", "Faults": [1, 0]})

    seen = [(m.namespace, m.name, m.value, m.unit, m.dimensions) for m in embedded_metrics(line)]

    assert seen == [("Payment", "Faults", value, "Count", {"service": "fraud"}) for value in (1.0, 0.0)]
    assert list(embedded_metrics('{"message": "x"}')) == []
    assert list(embedded_metrics('not json "_aws"')) == []


def alarm(name: str, resource: str) -> dict[str, Any]:
    dimensions = {"FunctionName": "pay", "Resource": resource}
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": name,
            "Namespace": "AWS/Lambda",
            "MetricName": "Errors",
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
        },
    }


def test_errors_of_one_alias_alarm_that_alias_only(engine: EmbeddedAws, account: str) -> None:
    published = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Function"}}}
    number = {"Fn::GetAtt": ["One", "Version"]}
    aliases = {
        colour.title(): {
            "Type": "AWS::Lambda::Alias",
            "Properties": {"FunctionName": {"Ref": "Function"}, "Name": colour, "FunctionVersion": number},
        }
        for colour in ("blue", "green")
    }
    either = {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "DependsOn": ["BlueErrors", "GreenErrors"],
        "Properties": {"AlarmName": "either", "AlarmRule": 'ALARM("blue-errors") OR ALARM("green-errors")'},
    }
    engine.deploy(
        {
            "Role": role(),
            "Function": function(),
            "One": published,
            **aliases,
            "BlueErrors": alarm("blue-errors", "pay:blue"),
            "GreenErrors": alarm("green-errors", "pay:green"),
            "Either": either,
        },
        account=account,
    )
    client, cloudwatch = engine.client("lambda", account=account), engine.client("cloudwatch", account=account)
    assert invoke(client, "pay:blue", {"raise": True})["error"]

    def states() -> dict[str, str]:
        found = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return {a["AlarmName"]: a["StateValue"] for a in found["MetricAlarms"] + found["CompositeAlarms"]}

    expected = {"blue-errors": "ALARM", "green-errors": "OK", "either": "ALARM"}
    eventually(lambda: states() == expected)
