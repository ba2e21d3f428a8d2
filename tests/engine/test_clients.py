"""Clients that are not boto3: the AWS CLI, and the query protocol of older SDKs.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/making-api-requests.html
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.engine.embedded import REGION, EmbeddedAws

AWS = Path(sys.executable).parent / "aws"


def cli(engine: EmbeddedAws, account: str, *arguments: str) -> Any:
    """What a command of the AWS CLI answers."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": engine.endpoint,
    }
    command = [sys.executable, str(AWS), *arguments, "--output", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout or "null")


def test_the_cli_puts_an_alarm_on_an_expression_and_tests_a_filter(engine: EmbeddedAws, account: str) -> None:
    summed = {"Metric": {"Namespace": "Payment", "MetricName": "Faults"}, "Period": 60, "Stat": "Sum"}
    metrics = [{"Id": "m", "MetricStat": summed, "ReturnData": False}, {"Id": "e", "Expression": "FILL(m, 0)"}]
    rule = ["--comparison-operator", "GreaterThanThreshold", "--threshold", "1", "--evaluation-periods", "1"]
    cli(engine, account, "cloudwatch", "put-metric-alarm", "--alarm-name", "x", *rule, "--metrics", json.dumps(metrics))

    (alarm,) = cli(engine, account, "cloudwatch", "describe-alarms")["MetricAlarms"]
    assert [query["Id"] for query in alarm["Metrics"]] == ["m", "e"]
    asked = ["--filter-pattern", "{ $.a = 1 }", "--log-event-messages", '{"a": 1}', '{"a": 2}']
    (match,) = cli(engine, account, "logs", "test-metric-filter", *asked)["matches"]
    assert match["eventMessage"] == '{"a": 1}'


def test_the_query_protocol_knows_expressions(engine: EmbeddedAws, account: str) -> None:
    client = engine.client("cloudwatch", account=account)
    now = datetime.now(UTC)
    client.put_metric_data(Namespace="Payment", MetricData=[{"MetricName": "Faults", "Value": 3, "Timestamp": now}])
    query = "MetricDataQueries.member"
    form = {
        "Action": "GetMetricData",
        "Version": "2010-08-01",
        "StartTime": (now - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "EndTime": (now + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        f"{query}.1.Id": "m",
        f"{query}.1.MetricStat.Metric.Namespace": "Payment",
        f"{query}.1.MetricStat.Metric.MetricName": "Faults",
        f"{query}.1.MetricStat.Period": "60",
        f"{query}.1.MetricStat.Stat": "Sum",
        f"{query}.1.ReturnData": "false",
        f"{query}.2.Id": "e",
        f"{query}.2.Expression": "m * 2",
    }

    answer = ask(engine, account, form)
    assert (answer.status_code, "<Values><member>6.0</member></Values>" in answer.text) == (200, True), answer.text
    refused = ask(engine, account, form | {f"{query}.2.Expression": "SEARCH('x', 'Sum', 60)"})
    assert (refused.status_code, "no metric math function SEARCH" in refused.text) == (400, True), refused.text


def ask(engine: EmbeddedAws, account: str, form: dict[str, str]) -> requests.Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    signed = AWSRequest("POST", engine.endpoint + "/", data=urlencode(form), headers=headers)
    SigV4Auth(Credentials(account, "local"), "monitoring", REGION).add_auth(signed)
    return requests.post(engine.endpoint + "/", data=urlencode(form), headers=dict(signed.headers), timeout=10)
