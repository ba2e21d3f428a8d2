"""Alarms: when they change, and that they do.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.engine.cloudwatch import clock
from local.engine.cloudwatch.alarm_clock import AlarmClock
from local.engine.cloudwatch.errors import CloudWatchError
from local.engine.cloudwatch.evaluation import Rule, evaluate
from local.engine.cloudwatch.function_metrics import embedded_metrics
from local.engine.cloudwatch.metric_alarm import MetricAlarm
from tests.engine.embedded import EmbeddedAws, StackFailedError, eventually, template
from tests.engine.test_access import allow, policy
from tests.engine.test_functions import function, invoke, role

NOW = 1_000_000_030.0
THREE_OF_THREE: dict[str, Any] = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 5, "EvaluationPeriods": 3}
TWO_OF_THREE = THREE_OF_THREE | {"DatapointsToAlarm": 2}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
NO_DATA = "INSUFFICIENT_DATA"


@pytest.mark.parametrize(
    ("alarm", "oldest_first", "states"),
    [
        (THREE_OF_THREE, "0-X-X", ("OK", "OK", "OK", "OK")),
        (THREE_OF_THREE, "0----", ("OK", "OK", "OK", "OK")),
        (THREE_OF_THREE, "-----", (NO_DATA, None, "ALARM", "OK")),
        (THREE_OF_THREE, "0XX-X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (THREE_OF_THREE, "----X", (NO_DATA, None, "ALARM", "OK")),
        (THREE_OF_THREE, "X----", ("ALARM", None, "ALARM", "OK")),
        (TWO_OF_THREE, "0-X-X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (TWO_OF_THREE, "00X0X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (TWO_OF_THREE, "0-X--", ("OK", "OK", "ALARM", "OK")),
        (TWO_OF_THREE, "----0", ("OK", "OK", "ALARM", "OK")),
        (TWO_OF_THREE, "----X", (NO_DATA, None, "ALARM", "OK")),
    ],
)
def test_missing_data_is_treated_as_in_the_tables_of_aws(
    alarm: dict[str, Any], oldest_first: str, states: tuple[str | None, ...]
) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"""
    values = [{"0": 1.0, "X": 9.0, "-": None}[point] for point in reversed(oldest_first)]

    found = tuple(evaluate(Rule.of(alarm | {"TreatMissingData": t}), values).state for t in TREATMENTS)

    assert found == states


def test_missing_data_of_dynamodb_never_changes_the_state() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"""
    rule = Rule.of(THREE_OF_THREE | {"Namespace": "AWS/DynamoDB", "TreatMissingData": "breaching"})

    assert evaluate(rule, [None] * 5).state is None


ONE: dict[str, Any] = {
    "Namespace": "Payment",
    "MetricName": "Faults",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 5,
    "TreatMissingData": "notBreaching",
}


def verdict(minutes: list[list[float]], **more: Any) -> str | None:
    """The state after minutes with these observations, the running minute first; a setting of None is not there."""
    alarm = {name: value for name, value in (ONE | more).items() if value is not None}
    points = [{"Timestamp": NOW - 60 * back, "Value": v} for back, seen in enumerate(minutes) for v in seen]
    return MetricAlarm(alarm).verdict(now=NOW, points=lambda *_: points).state


PERCENTILE = {"Statistic": None, "ExtendedStatistic": "p99"}


@pytest.mark.parametrize(
    ("minutes", "settings", "state"),
    [
        ([[3, 4], [1]], {}, "ALARM"),  # the running minute is over it already
        ([[1], [3, 4]], {}, "ALARM"),  # the last closed one was
        ([[1], [1], [9]], {}, "OK"),
        ([[], [], [9]], {}, "ALARM"),  # real values before missing ones
        ([[], [], [], [9]], {}, "ALARM"),
        ([[], [], [], [], [9]], {}, "OK"),  # out of the range
        ([[4], [9]], {"ComparisonOperator": "LessThanThreshold"}, "OK"),  # a running minute is not yet too little
        ([[9], [4]], {"ComparisonOperator": "LessThanThreshold"}, "ALARM"),
        ([[], [1] * 98 + [9, 9]], PERCENTILE, "ALARM"),
        ([[], [1] * 99 + [9]], PERCENTILE, "OK"),
        ([[], [9] * 100], PERCENTILE | {"EvaluateLowSampleCountPercentile": "ignore"}, None),
        ([[], [9] * 1000], PERCENTILE | {"EvaluateLowSampleCountPercentile": "ignore"}, "ALARM"),
        ([[], [4, 8]], {"Statistic": "Average"}, "ALARM"),
        ([[], [4, 8]], {"Statistic": "Minimum"}, "OK"),
        ([[9], [9]], {"Unit": "Count"}, "OK"),  # none of the values has this unit
    ],
)
def test_state_follows_the_last_periods(
    minutes: list[list[float]], settings: dict[str, Any], state: str | None
) -> None:
    assert verdict(minutes, **settings) == state


def stat(identifier: str, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "Payment", "MetricName": identifier.title()}
    return {
        "Id": identifier,
        "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
        "ReturnData": False,
        **more,
    }


RATIO = {"Id": "ratio", "Expression": "IF(calls > 10, 100 * faults / calls, 0)"}
MATH: dict[str, Any] = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period")) | {
    "Metrics": [RATIO, stat("faults"), stat("calls")]
}


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "no comparison GreaterThanUpperThreshold"),
        ({"Statistic": "IQM"}, "no statistic IQM"),
        ({"Period": 45}, "Period must be"),
        ({"DatapointsToAlarm": 2}, "must not be greater than EvaluationPeriods"),
        ({"Metrics": [RATIO, stat("faults"), stat("calls")]}, "must not have MetricName, Namespace, Statistic, Period"),
        (MATH | {"Metrics": [stat("faults")]}, "Exactly one element of the metrics list should return data"),
        (MATH | {"Metrics": [{"Id": "e", "Expression": "SEARCH('x', 'Sum', 60)"}]}, "no metric math function SEARCH"),
        (MATH | {"Metrics": [RATIO, stat("faults")]}, "no metric or expression with the id calls"),
        (MATH | {"Metrics": [{"Id": "e", "Expression": "METRICS()"}, stat("faults")]}, "one time series"),
    ],
)
def test_alarms_that_are_not_evaluated_are_refused_by_name(more: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CloudWatchError, match=complaint):
        verdict([[]], **more)


def test_metrics_in_log_lines_are_read() -> None:
    directive = {"Namespace": "Payment", "Dimensions": [["service"]], "Metrics": [{"Name": "Faults", "Unit": "Count"}]}
    line = json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, "service": "fraud", "Faults": [1, 0]})

    seen = [(m.namespace, m.name, m.value, m.unit, m.dimensions) for m in embedded_metrics(line)]

    assert seen == [("Payment", "Faults", value, "Count", {"service": "fraud"}) for value in (1.0, 0.0)]
    assert list(embedded_metrics('{"message": "x"}')) == []
    assert list(embedded_metrics('not json "_aws"')) == []
    assert list(embedded_metrics(line.replace('"Faults": [1, 0]', '"Other": 1'))) == []


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


def in_a_template(resource: dict[str, Any], *, name: str) -> dict[str, Any]:
    properties = {key: value for key, value in resource.items() if value is not None}
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": properties | {"AlarmName": name}}


def test_an_alarm_on_an_expression_over_minutes_goes_off_and_recovers_in_seconds(
    engine: EmbeddedAws, account: str
) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html"""
    stack = engine.deploy({"Ratio": in_a_template(ONE | MATH, name="ratio")}, account=account)
    client = engine.client("cloudwatch", account=account)

    def once_it_is(state: str) -> dict[str, Any]:
        def looked() -> Any:
            return client.describe_alarms(AlarmNames=["ratio"], StateValue=state)["MetricAlarms"]

        (found,) = eventually(looked)
        return dict(found)

    once_it_is("OK")
    client.put_metric_data(
        Namespace="Payment", MetricData=[{"MetricName": "Faults", "Value": 8}, {"MetricName": "Calls", "Value": 20}]
    )

    gone_off = once_it_is("ALARM")
    assert "[40] were greater than the threshold (5)" in gone_off["StateReason"]
    assert [query["Id"] for query in gone_off["Metrics"]] == ["ratio", "faults", "calls"]
    assert "MetricName" not in gone_off
    once_it_is("OK")

    changed = [RATIO | {"Expression": "faults / SORT(METRICS(), SUM, ASC)"}, stat("faults"), stat("calls")]
    with pytest.raises(StackFailedError, match="no metric math function SORT"):
        stack.update(TemplateBody=template({"Ratio": in_a_template(ONE | MATH | {"Metrics": changed}, name="ratio")}))


def test_metric_data_has_expressions_newest_first(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"""
    client = engine.client("cloudwatch", account=account)
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=3)
    for minute, (faults, calls) in enumerate([(1, 4), (0, 0), (3, 4)]):
        at = start + timedelta(minutes=minute)
        metrics = [{"MetricName": n, "Value": v, "Timestamp": at} for n, v in (("Faults", faults), ("Calls", calls))]
        client.put_metric_data(Namespace="Payment", MetricData=metrics)

    def asked(*queries: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        answer = client.get_metric_data(
            MetricDataQueries=queries, StartTime=start, EndTime=start + timedelta(minutes=3), **more
        )
        return list(answer["MetricDataResults"])

    ratio = {"Id": "ratio", "Expression": "100 * faults / calls", "Label": "Faults in percent"}
    (found,) = asked(ratio, stat("faults"), stat("calls"))
    assert (found["Label"], found["Values"]) == ("Faults in percent", [75.0, 25.0])
    assert found["Timestamps"] == [start + timedelta(minutes=2), start]
    assert asked(stat("faults", ReturnData=True), ScanBy="TimestampAscending")[0]["Values"] == [1.0, 0.0, 3.0]
    with pytest.raises(ClientError, match=r"ValidationError.*no metric math function SEARCH"):
        asked({"Id": "all", "Expression": "SEARCH('x', 'Sum', 60)"})


def test_parameters_of_alarms_without_behaviour_are_refused(engine: EmbeddedAws, account: str) -> None:
    client = engine.client("cloudwatch", account=account)

    with pytest.raises(ClientError, match="no behaviour for ActionsSuppressor"):
        client.put_composite_alarm(AlarmName="x", AlarmRule="TRUE", ActionsSuppressor="y")


def test_a_state_that_a_person_sets_holds_until_the_next_comparison() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html"""
    alarm = ONE | {"StateValue": "ALARM", "StateReason": "a drill", "StateUpdatedTimestamp": 1000}
    now, states = [1005.0], []
    clock = AlarmClock(
        alarms=lambda: [(("700000000000", "us-east-1", "drill"), alarm)],
        set_state=lambda _, state, *__: states.append(state),
        now=lambda: now[0],
    )

    clock.tick()
    assert states == []
    now[0] = 1061.0
    clock.tick()
    assert states == ["OK"]


@pytest.mark.parametrize("given", ["0", "2", "fast", "nan"])
def test_a_clock_that_cannot_run_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.VARIABLE, given)

    with pytest.raises(clock.ClockFactorError, match="CLOUDWATCH_CLOCK_FACTOR"):
        clock.factor()


def test_a_change_is_published_to_topics_that_let_cloudwatch(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html"""
    cloudwatch, sns, sqs = (engine.client(service, account=account) for service in ("cloudwatch", "sns", "sqs"))
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    told, closed = (sns.create_topic(Name=name)["TopicArn"] for name in ("told", "closed"))
    arn = f"arn:aws:sqs:us-east-1:{account}:told"
    sends = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:*", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy(sends)})
    sns.subscribe(TopicArn=told, Protocol="sqs", Endpoint=arn)
    alarms = allow("sns:Publish", told, Principal={"Service": "cloudwatch.amazonaws.com"})
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    plain = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": told, "Condition": insecure}
    sns.set_topic_attributes(TopicArn=told, AttributeName="Policy", AttributeValue=policy(alarms, plain))
    people = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sns:Publish", "Resource": closed}
    sns.set_topic_attributes(TopicArn=closed, AttributeName="Policy", AttributeValue=policy(people))
    cloudwatch.put_metric_alarm(AlarmName="told", AlarmActions=[told, closed], **ONE | {"TreatMissingData": "ignore"})

    cloudwatch.set_alarm_state(AlarmName="told", StateValue="ALARM", StateReason="a drill")

    (received,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    envelope = json.loads(received["Body"])
    message = json.loads(envelope["Message"])
    assert envelope["Subject"] == 'ALARM: "told" in US East (N. Virginia)'
    assert (message["NewStateValue"], message["OldStateValue"]) == ("ALARM", "INSUFFICIENT_DATA")
    assert message["AlarmArn"] == f"arn:aws:cloudwatch:us-east-1:{account}:alarm:told"
    assert (message["Trigger"]["Statistic"], message["Trigger"]["Threshold"]) == ("SUM", 5)
    history = cloudwatch.describe_alarm_history(AlarmName="told", HistoryItemType="Action")["AlarmHistoryItems"]
    summaries = {item["HistorySummary"] for item in history}
    assert summaries == {f"Successfully executed action {told}", f"Failed to execute action {closed}"}


def test_actions_without_behaviour_are_refused(engine: EmbeddedAws, account: str) -> None:
    client = engine.client("cloudwatch", account=account)

    with pytest.raises(ClientError, match="no behaviour for the action arn:aws:lambda"):
        client.put_metric_alarm(AlarmName="x", AlarmActions=[f"arn:aws:lambda:us-east-1:{account}:function:pay"], **ONE)


@pytest.mark.parametrize(
    ("rule", "states", "expected"),
    [
        ("ALARM(a) AND NOT ALARM(b)", ("ALARM", "OK"), "ALARM"),
        ("ALARM(a) AND NOT ALARM(b)", ("ALARM", "ALARM"), "OK"),
        ("INSUFFICIENT_DATA(a) OR (OK(b) AND FALSE)", ("INSUFFICIENT_DATA", "OK"), "ALARM"),
        ("AT_LEAST(2, ALARM, (a, b))", ("ALARM", "OK"), "OK"),
    ],
)
def test_a_composite_alarm_follows_its_rule(
    engine: EmbeddedAws, account: str, rule: str, states: tuple[str, str], expected: str
) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-combining.html"""
    client = engine.client("cloudwatch", account=account)
    for name in "ab":
        client.put_metric_alarm(AlarmName=name, **ONE | {"TreatMissingData": "ignore"})
    client.put_composite_alarm(AlarmName="both", AlarmRule=rule)

    for name, state in zip("ab", states, strict=True):
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a drill")

    (both,) = client.describe_alarms(AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert both["StateValue"] == expected


def test_metrics_in_log_events_that_a_caller_puts_are_read(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Generation.html"""
    logs, client = (engine.client(service, account=account) for service in ("logs", "cloudwatch"))
    logs.create_log_group(logGroupName="/emf")
    logs.create_log_stream(logGroupName="/emf", logStreamName="a")
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
    milliseconds = int(at.timestamp() * 1000)
    directive = {"Namespace": "Payment", "Dimensions": [[]], "Metrics": [{"Name": "Faults"}]}
    message = json.dumps({"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}, "Faults": 7})

    logs.put_log_events(
        logGroupName="/emf", logStreamName="a", logEvents=[{"timestamp": milliseconds, "message": message}]
    )

    asked = stat("faults", ReturnData=True)
    answer = client.get_metric_data(MetricDataQueries=[asked], StartTime=at, EndTime=datetime.now(UTC))
    (found,) = answer["MetricDataResults"]
    assert (found["Timestamps"], found["Values"]) == ([at], [7.0])


def test_statistics_are_of_exactly_the_dimensions_that_are_asked_for(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html"""
    client = engine.client("cloudwatch", account=account)
    colour = [{"Name": "Colour", "Value": "blue"}]
    values: list[dict[str, Any]] = [{"Value": 1}, {"Values": [10, 30], "Counts": [1, 3], "Dimensions": colour}]
    client.put_metric_data(Namespace="Payment", MetricData=[{"MetricName": "Took", **value} for value in values])

    def asked(**more: Any) -> Any:
        now = datetime.now(UTC)
        times = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5), "Period": 3600}
        return client.get_metric_statistics(Namespace="Payment", MetricName="Took", **times | more)["Datapoints"]

    assert [point["Sum"] for point in asked(Statistics=["Sum"])] == [1]
    (blue,) = asked(Statistics=["Average", "SampleCount"], Dimensions=colour)
    assert (blue["Average"], blue["SampleCount"]) == (25, 4)
    (blue,) = asked(ExtendedStatistics=["p50"], Dimensions=colour)
    assert blue["ExtendedStatistics"] == {"p50": 30}
    with pytest.raises(ClientError, match="more than 1440 datapoints"):
        asked(Statistics=["Sum"], StartTime=datetime.now(UTC) - timedelta(days=2), Period=60)


def test_an_alarm_that_is_deleted_meanwhile_keeps_no_other_from_going_off() -> None:
    states: list[str] = []

    def set_state(key: tuple[str, str, str], state: str, *_: Any) -> None:
        if key[2] == "deleted":
            raise ClientError({"Error": {"Code": "ResourceNotFound", "Message": "gone"}}, "SetAlarmState")
        states.append(key[2])

    alarm = ONE | {"StateValue": "ALARM", "StateReason": "Unchecked: Initial alarm creation"}
    alarms = [(("700000000000", "us-east-1", name), alarm) for name in ("deleted", "kept")]
    AlarmClock(alarms=lambda: alarms, set_state=set_state, now=lambda: 1000.0).tick()

    assert states == ["kept"]
