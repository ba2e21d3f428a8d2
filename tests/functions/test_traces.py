"""One request can be followed through all functions, and a trace holds nothing but its id."""

import json
from typing import Any

import boto3
import pytest

from payment_core.aws import client_config
from tests.functions.system import System
from tests.functions.workers import forget_workers

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_LAMBDA_FUNCTION_NAME": "payment-test-validation",
        "_X_AMZN_TRACE_ID": TRACE,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)


def test_the_trace_goes_on_in_the_function_that_is_invoked(in_lambda: None) -> None:
    sent: list[Any] = []

    def keep(request: Any, **_: Any) -> None:
        sent.append(request)
        raise ConnectionAbortedError

    client = boto3.client("lambda", region_name="us-east-1", config=client_config(attempts=1))
    client.meta.events.register("before-send.lambda.Invoke", keep)
    with pytest.raises(ConnectionAbortedError):
        client.invoke(FunctionName="payment-test-processing", Qualifier="blue", Payload=b"{}")
    assert sent[0].headers["X-Amzn-Trace-Id"].decode() == TRACE


def test_every_line_of_a_request_has_its_correlation_id_and_trace(
    system: System, in_lambda: None, capfd: pytest.CaptureFixture[str]
) -> None:
    forget_workers()
    capfd.readouterr()
    assert system.pay().headers["X-Correlation-Id"] == "c-test"
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"message"' in line]
    assert sum(line["message"] == "request_served" for line in lines) == 3
    assert {line["correlation_id"] for line in lines} == {"c-test"}
    assert {line["xray_trace_id"] for line in lines} == {"1-5759e988-bd862e3fe1be46a994272793"}
