"""Metric filters and the patterns that they share with FilterLogEvents, by AWS's own examples.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine.cloudwatch.filter_patterns import compile_pattern
from local.engine.cloudwatch.patterns import FilterPatternError
from tests.engine.embedded import EmbeddedAws, eventually

BOTH, ERROR, WARN = "ERROR WARN message", "ERROR message", "WARN message"
TRAIL = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "ThisFlag": True,
    "latency": 120.5,
}
ACCOUNT = {
    "user": {"id": 1, "email": "John.Stiles@example.com"},
    "users": [{"id": 2, "email": "John.Doe@example.com"}],
    "actions": ["GET", "PUT", "DELETE"],
    "coordinates": [[0, 1, 2], [4, 5, 6]],
}
ACCESS = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("ERROR", "Exiting with ERRORCODE: -1", True),
        ("ERROR", "error", False),
        ('ERROR -"Exiting"', "Exiting with ERRORCODE: -1", False),
        ("ERROR WARN", ERROR, False),
        ("ERROR -WARN", BOTH, False),
        ("?ERROR ?WARN", WARN, True),
        ('"Failed to process"', "Failed to run the process", False),
        (r"%\d{3} [Ee]rror%", "got 500 error", True),
        (r"%^[hc]at%", "a hat", False),
        ('{ $.eventType = "UpdateTrail" }', TRAIL, True),
        ("{ $.eventType = Update* }", TRAIL, True),
        ("{ $.eventType = *Trail && $.latency > 1e2 }", TRAIL, True),
        ("{ $.sourceIPAddress != 123.123.* }", TRAIL, True),
        ('{ $.arrayKey[0] = "value" }', TRAIL, True),
        ("{ $.objectList[1].id = 2 }", TRAIL, True),
        ("{ $.objectList[2].id = 2 }", TRAIL, False),
        ("{ $.SomeObject IS NULL }", TRAIL, True),
        ("{ $.eventType IS NULL }", TRAIL, False),
        ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, True),
        ("{ $.SomeObject NOT EXISTS }", TRAIL, False),
        ("{ $.ThisFlag IS TRUE }", TRAIL, True),
        ("{ $.latency = * }", TRAIL, True),
        ("{ $.arrayKey != 1 }", TRAIL, False),  # the selector finds no value node
        ("{ $.eventType = x }", "UpdateTrail, but no JSON", False),
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', ACCOUNT, True),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', ACCOUNT, False),
        (
            '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }',
            ACCOUNT,
            True,
        ),
        (
            '{ ($.user.email = "John*" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }',
            ACCOUNT,
            False,
        ),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", ACCESS, True),
        ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", ACCESS, True),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", ACCESS, False),
        ("[..., status_code = 4* && status_code != 403, bytes]", ACCESS, True),
        ("[..., status_code = 4* && status_code != 404, bytes]", ACCESS, False),
        ("[ip, user, ...]", ACCESS, True),
        ("[ip, user]", ACCESS, False),
        ("[w1=ERROR || w1=WARN, w2]", WARN, True),
    ],
)
def test_a_pattern_matches_as_aws_documents(pattern: str, message: Any, expected: bool) -> None:
    text = message if isinstance(message, str) else json.dumps(message)

    assert compile_pattern(pattern).matches(text) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "not-quoted",
        "?ERROR WARN",
        "%(a|b)%",
        "{ $.a = 1",
        "{ a = 1 }",
        "{ $.a ~ 1 }",
        "{ $.a > text }",
        "{ $.a[*] = 1 }",
        "{ $.a = 1 && }",
        "[a, ..., b, ...]",
        "[a > x]",
        "[1a]",
    ],
)
def test_a_pattern_that_would_be_misread_is_refused(pattern: str) -> None:
    with pytest.raises(FilterPatternError):
        compile_pattern(pattern)


def test_fields_are_extracted_by_name(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html"""
    logs = engine.client("logs", account=account)

    (found,) = logs.test_metric_filter(
        filterPattern="[..., request=*.gif*, status_code=4*,]", logEventMessages=["none", ACCESS]
    )["matches"]

    assert found["eventNumber"] == 2
    extracted = found["extractedValues"]
    assert (extracted["$request"], extracted["$status_code"]) == ("GET /apache_pb.gif HTTP/1.0", "404")
    assert (extracted["$1"], extracted["$4"], extracted["$7"]) == ("127.0.0.1", "10/Oct/2000:13:25:15 -0700", "1534")


def metric_filter(name: str, pattern: str, **transformation: Any) -> dict[str, Any]:
    metric = {"MetricNamespace": "Payment", "MetricName": name, **transformation}
    properties = {"LogGroupName": {"Ref": "Group"}, "FilterPattern": pattern, "MetricTransformations": [metric]}
    return {"Type": "AWS::Logs::MetricFilter", "Properties": properties}


def test_filters_of_a_template_make_metrics_of_log_events(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-metricfilter.html"""
    dimension = {"Key": "Method", "Value": "$.method"}
    filters = {
        "Refused": metric_filter("Refused", "{ $.status = 5* || $.status >= 500 }", MetricValue="1", DefaultValue=0),
        "Took": metric_filter(
            "Took", "{ $.status = * }", MetricValue="$.ms", Unit="Milliseconds", Dimensions=[dimension]
        ),
        "Idle": metric_filter("Idle", "nothing", MetricValue="1", DefaultValue="7"),
    }
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/payments"}}
    stack = engine.deploy({"Group": group, **filters}, account=account)
    logs, cloudwatch = (engine.client(service, account=account) for service in ("logs", "cloudwatch"))
    logs.create_log_stream(logGroupName="/payments", logStreamName="a")
    events = [{"method": "POST", "status": 503, "ms": 12.5}, {"method": "GET", "status": 200, "ms": 3}, {"status": 200}]
    lines = [{"timestamp": int(time.time() * 1000), "message": json.dumps(event)} for event in events]

    logs.put_log_events(logGroupName="/payments", logStreamName="a", logEvents=lines)

    def total(name: str, **dimensions: str) -> list[float]:
        found = cloudwatch.get_metric_statistics(
            Namespace="Payment",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=datetime.now(UTC) - timedelta(minutes=5),
            EndTime=datetime.now(UTC) + timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum"],
        )
        return [point["Sum"] for point in found["Datapoints"]]

    assert (total("Refused"), total("Took", Method="POST"), total("Took", Method="GET")) == ([1.0], [12.5], [3.0])
    assert eventually(lambda: total("Idle")) == [7.0]  # the minute had events and none that matched
    assert total("Refused") == [1.0]
    found = logs.filter_log_events(logGroupName="/payments", filterPattern="{ $.ms > 10 }")["events"]
    assert [json.loads(event["message"])["status"] for event in found] == [503]
    stack.delete()
    assert logs.describe_metric_filters()["metricFilters"] == []


@pytest.mark.parametrize(
    ("pattern", "transformation", "complaint"),
    [
        ("{ $.a[*] = 1 }", {}, "selectors are written like"),
        ("ERROR", {"metricValue": "$.ms"}, "is no field of the pattern"),
        ("{ $.a = 1 }", {"dimensions": {"A": "$.a"}, "defaultValue": 0.0}, "no default value"),
    ],
)
def test_filters_that_would_count_nothing_are_refused(
    engine: EmbeddedAws, account: str, pattern: str, transformation: dict[str, Any], complaint: str
) -> None:
    logs = engine.client("logs", account=account)
    logs.create_log_group(logGroupName="/payments")
    metric = {"metricName": "x", "metricNamespace": "y", "metricValue": "1"} | transformation

    with pytest.raises(ClientError, match=f"InvalidParameterException.*{complaint}"):
        logs.put_metric_filter(
            logGroupName="/payments", filterName="x", filterPattern=pattern, metricTransformations=[metric]
        )


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("filter_log_events", {"logGroupName": "/payments", "filterPattern": "not-quoted"}),
        (
            "put_subscription_filter",
            {"logGroupName": "/payments", "filterName": "x", "filterPattern": "not-quoted", "destinationArn": "arn"},
        ),
        ("test_metric_filter", {"filterPattern": "not-quoted", "logEventMessages": ["x"]}),
    ],
)
def test_a_wrong_pattern_is_refused_wherever_it_is_given(
    engine: EmbeddedAws, account: str, method: str, arguments: dict[str, Any]
) -> None:
    logs = engine.client("logs", account=account)
    logs.create_log_group(logGroupName="/payments")

    with pytest.raises(ClientError, match=r"InvalidParameterException.*double quotes"):
        getattr(logs, method)(**arguments)
