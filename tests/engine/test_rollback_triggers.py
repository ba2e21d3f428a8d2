"""Alarms that undo a stack operation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-rollback-triggers.html
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.engine.conftest import CLOCK_FACTOR
from tests.engine.embedded import EmbeddedAws, Stack, StackFailedError, eventually, settled, template


def topic(display_name: str) -> dict[str, Any]:
    return {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "t", "DisplayName": display_name}}}


@pytest.fixture
def stack(engine: EmbeddedAws, account: str) -> Stack:
    engine.client("cloudwatch", account=account).put_metric_alarm(
        AlarmName="faults",
        Namespace="Payment",
        MetricName="Faults",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return engine.deploy(topic("old"), account=account)


def rollback_on(account: str, *, minutes: int, alarm: str = "faults") -> dict[str, Any]:
    arn = f"arn:aws:cloudwatch:us-east-1:{account}:alarm:{alarm}"
    return {
        "RollbackTriggers": [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}],
        "MonitoringTimeInMinutes": minutes,
    }


def display_name(engine: EmbeddedAws, account: str) -> str:
    arn = f"arn:aws:sns:us-east-1:{account}:t"
    return str(engine.client("sns", account=account).get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"])


def test_an_alarm_while_the_update_is_watched_rolls_it_back(engine: EmbeddedAws, account: str, stack: Stack) -> None:
    stack.client.update_stack(
        StackName=stack.stack_id,
        TemplateBody=template(topic("new")),
        RollbackConfiguration=rollback_on(account, minutes=180),
    )
    eventually(lambda: display_name(engine, account) == "new")
    assert stack.client.describe_stacks(StackName=stack.stack_id)["Stacks"][0]["StackStatus"] == "UPDATE_IN_PROGRESS"

    engine.client("cloudwatch", account=account).put_metric_data(
        Namespace="Payment", MetricData=[{"MetricName": "Faults", "Value": 1}]
    )

    with pytest.raises(StackFailedError, match="UPDATE_ROLLBACK_COMPLETE"):
        settled(stack.client, stack.stack_id)
    assert display_name(engine, account) == "old"
    events = stack.client.describe_stack_events(StackName=stack.stack_id)["StackEvents"]
    assert any("alarm:faults went to ALARM" in event.get("ResourceStatusReason", "") for event in events)
    assert {event["LogicalResourceId"] for event in events} == {"Topic", stack.stack_id.split("/")[1]}


def test_a_quiet_alarm_lets_the_update_pass_after_the_monitoring_time(account: str, stack: Stack) -> None:
    configuration, began = rollback_on(account, minutes=2), time.monotonic()
    stack = stack.update(TemplateBody=template(topic("new")), RollbackConfiguration=configuration)
    assert time.monotonic() - began > 2 * 60 * CLOCK_FACTOR

    described = stack.client.describe_stacks(StackName=stack.stack_id)["Stacks"][0]
    assert described["RollbackConfiguration"] == configuration
    assert set(stack.resources) == {"Topic"}
    body = stack.client.get_template(StackName=stack.stack_id)["TemplateBody"]
    assert set(body["Resources"]) == {"Topic"}


def test_a_trigger_that_is_gone_fails_the_operation(account: str, stack: Stack) -> None:
    with pytest.raises(StackFailedError, match="UPDATE_ROLLBACK_COMPLETE"):
        stack.update(
            TemplateBody=template(topic("new")), RollbackConfiguration=rollback_on(account, minutes=0, alarm="gone")
        )


def test_an_alarm_undoes_a_creation_too(engine: EmbeddedAws, account: str, stack: Stack) -> None:
    client = engine.client("cloudwatch", account=account)
    client.set_alarm_state(AlarmName="faults", StateValue="ALARM", StateReason="a drill")

    made = stack.client.create_stack(
        StackName="second",
        TemplateBody=template({"Other": {"Type": "AWS::SNS::Topic"}}),
        RollbackConfiguration=rollback_on(account, minutes=0),
    )

    with pytest.raises(StackFailedError, match="ROLLBACK_COMPLETE"):
        settled(stack.client, made["StackId"])
