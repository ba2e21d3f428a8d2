"""Alarms, dashboard and published configuration."""

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from integ_tests.environment import Deployed
from release import names

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

PUBLISHED = {
    "transactions-table-name": "TransactionsTableName",
    "audit-bucket-name": "AuditBucketName",
    "database-host": "DatabaseClusterEndpoint",
    "database-reader-host": "DatabaseReaderEndpoint",
    "database-secret-arn": "DatabaseSecretArn",
    "processing-function-name": "TransactionProcessingFunctionName",
    "fraud-function-name": "FraudDetectionFunctionName",
    "alerts-topic-arn": "AlertsTopicArn",
}
OTHERS = {
    "idempotency-table-name",
    "velocity-table-name",
    "database-port",
    "database-name",
    "database-admin-secret-arn",
    "fingerprint-key-id",
    "failed-transactions-topic-arn",
    "velocity-limit-per-card",
    "velocity-window-seconds",
    "amount-maximum-minor",
    "amount-maximum-by-currency",
}


@pytest.fixture(scope="module")
def alarms(session: boto3.Session, deployed: Deployed) -> list["MetricAlarmTypeDef"]:
    pages = (
        session.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=names.resource(deployed.suffix, ""))
    )
    return [alarm for page in pages for alarm in page["MetricAlarms"]]


def test_slow_payments_wake_somebody(alarms: list["MetricAlarmTypeDef"]) -> None:
    slow = [alarm for alarm in alarms if alarm.get("ExtendedStatistic") == "p99"]
    assert any(alarm.get("Namespace") == "AWS/ApiGateway" for alarm in slow)
    for alarm in slow:
        assert alarm["Threshold"] > 0


def test_every_alarm_tells_the_alerts_topic(alarms: list["MetricAlarmTypeDef"], deployed: Deployed) -> None:
    assert alarms
    for alarm in alarms:
        assert alarm["ActionsEnabled"], alarm["AlarmName"]
        assert deployed["AlertsTopicArn"] in alarm["AlarmActions"], alarm["AlarmName"]


def test_the_dashboard_shows_something(session: boto3.Session, deployed: Deployed) -> None:
    answer = session.client("cloudwatch").get_dashboard(DashboardName=deployed["DashboardName"])
    assert json.loads(answer["DashboardBody"])["widgets"]


@pytest.fixture(scope="module")
def parameters(session: boto3.Session, deployed: Deployed) -> dict[str, str]:
    path = names.config_prefix(deployed.suffix)
    pages = session.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=path)
    return {item["Name"].removeprefix(f"{path}/"): item["Value"] for page in pages for item in page["Parameters"]}


def test_configuration_is_published(parameters: dict[str, str]) -> None:
    assert set(PUBLISHED) | OTHERS <= set(parameters)


@pytest.mark.parametrize("parameter", PUBLISHED)
def test_published_values_are_those_of_the_stacks(
    parameters: dict[str, str], deployed: Deployed, parameter: str
) -> None:
    assert parameters[parameter] == deployed[PUBLISHED[parameter]]


def test_the_release_state_is_recorded(session: boto3.Session, deployed: Deployed) -> None:
    answer = session.client("ssm").get_parameter(Name=names.release_state_parameter(deployed.suffix))
    assert answer["Parameter"]["Type"] == "StringList"
    assert answer["Parameter"]["Value"].split(",")[0] in ("blue", "green")
