"""The whole way, on the embedded AWS: what a merchant and an operator see after two pushes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e import breaks
from tests.e2e.conftest import CHECKOUT, Released
from tests.e2e.trial import until_answered

CUSTOMER = "cus_e2e"
VELOCITY_LIMIT = 5


def payment(**changes: Any) -> dict[str, Any]:
    card = {"number": "5555555555554444", "expiry_month": 1, "expiry_year": 2035, "cvv": "737"}
    return {"amount_minor": 2500, "currency": "USD", "customer_id": CUSTOMER, "card": card, **changes}


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def test_two_pushes_went_through_every_environment_and_the_bad_one_ended_where_it_shifted(released: Released) -> None:
    assert [execution.status for execution in released.record.executions] == ["Succeeded", "Succeeded", "Failed"]
    assert released.record.executions[-1].failed_at == "Prod/Shift"
    for execution in released.record.executions:
        assert {"Dev", "Staging", "Prod"} <= set(execution.stage_seconds)


def test_the_bad_release_rolled_itself_back_while_customers_paid(released: Released) -> None:
    bad, good = released.record.releases[:2]
    assert (bad["result"], good["result"]) == ("rolled back", "done")
    assert [each["weight_percent"] for each in good["weights"]] == [10, 50, 100]
    good_trade, bad_trade = released.record.trades[-2:]
    assert {"blue", "green"} <= set(good_trade.answered)
    assert bad_trade.failed["blue"] > bad_trade.failed["green"]
    assert released.cloud.status("prod")["findings"] == []


def test_every_approved_release_of_prod_names_the_principal_who_approved_it(released: Released) -> None:
    """The demo approves as the administrator of the pipeline's account, each execution anew; what rolled itself back
    was approved as well."""
    administrator = f"arn:aws:iam::{released.cloud.assembly.tooling_account}:root"
    approvers = [release["approved_by"] for release in released.record.releases]
    for approver in approvers:
        assert re.fullmatch(rf"{administrator} \(execution [0-9a-f-]{{36}}\)", approver), approvers
    assert len(set(approvers)) == len(released.record.executions)


def test_where_nobody_is_asked_the_execution_stands_for_the_approver(released: Released) -> None:
    assert re.fullmatch("execution [0-9a-f-]{36}", released.cloud.status("dev")["approved_by"])


def test_every_decision_is_in_the_ledger_and_in_the_audit_bucket(released: Released) -> None:
    session = released.cloud.endpoint.session(released.cloud.assembly.target("prod").account)
    events = session.client("dynamodb").query(
        TableName="payment-prod-releases",
        KeyConditionExpression="pk = :events",
        ExpressionAttributeValues={":events": {"S": "event"}},
        ConsistentRead=True,
    )["Items"]
    told = [json.loads(item["event"]["S"]) for item in events]
    assert {"frozen", "begun", "weight set", "done", "rolled back"} <= {event["decision"] for event in told}
    bucket = released.cloud.outputs("prod")["AuditBucketName"]
    kept = session.client("s3").list_objects_v2(Bucket=bucket, Prefix="releases/")["KeyCount"]
    # The very first freeze comes before the bucket does.
    assert 0 < kept >= len(told) - 1


def test_the_second_push_moved_live_traffic_to_the_other_colour(released: Released) -> None:
    before, after = released.record.versions
    assert "blue version 1" in before
    assert "green version 2" in after


def test_the_demos_own_payments_are_authorized_whatever_the_shop_sells_meanwhile(released: Released) -> None:
    assert [payment["status"] for payment in released.record.payments] == ["authorized"] * len(released.record.payments)
    assert {payment["environment"] for payment in released.record.payments} == {"dev", "staging", "prod"}


def test_a_stage_is_timed_by_its_actions_even_when_it_is_looked_at_afterwards(released: Released) -> None:
    for execution in released.record.executions:
        assert execution.stage_seconds["Build"] > 1
        assert execution.stage_seconds["Dev"] > execution.stage_seconds["UpdatePipeline"]


def test_a_declared_environment_lists_all_named_outputs(released: Released) -> None:
    named = {
        "VpcId", "ApiId", "ApiUrl", "PreviewBlueUrl", "PreviewGreenUrl", "LoadBalancerArn", "LoadBalancerDnsName",
        "ListenerArn", "TransactionsTableName", "AuditBucketName", "DatabaseClusterIdentifier",
        "DatabaseClusterEndpoint", "DatabaseReaderEndpoint", "DatabaseSecretArn", "PaymentValidationFunctionName",
        "FraudDetectionFunctionName", "TransactionProcessingFunctionName", "AlertsTopicArn", "DashboardName",
        "EnvironmentSuffix",
    }  # fmt: skip
    for target in released.cloud.assembly.targets:
        outputs = released.cloud.outputs(target.suffix)
        assert named <= set(outputs)
        assert all(outputs[name] for name in named)


def test_a_payment_is_authorised_replayed_and_read_back(released: Released) -> None:
    merchant, headers = released.merchant("prod"), key()
    assert merchant.open_customer(CUSTOMER).status == 200
    first = merchant.request("POST", "/payments", payment(), **headers)
    assert (first.status, first.body["status"]) == (201, "authorized")
    again = merchant.request("POST", "/payments", payment(), **headers)
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (201, first.body, "true")
    assert merchant.read(first.body["payment_id"]).body == first.body


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(payment(card={**payment()["card"], "number": "4242424242424241"}), key(), id="bad card number"),
        pytest.param(payment(), {}, id="no idempotency key"),
        pytest.param({"amount_minor": 2500}, key(), id="missing fields"),
        pytest.param(payment(amount_minor=12.5), key(), id="amount with a fraction"),
        pytest.param(["not", "an", "object"], key(), id="malformed body"),
    ],
)
def test_a_bad_request_is_answered_400_and_writes_nothing(
    released: Released, body: object, headers: dict[str, str]
) -> None:
    before = released.written_items("dev")
    answer = released.merchant("dev").request("POST", "/payments", body, **headers)
    assert answer.status == 400
    assert released.written_items("dev") == before


def test_more_payments_with_one_card_than_the_velocity_limit_are_declined(released: Released) -> None:
    merchant = released.merchant("staging")
    assert merchant.open_customer(CUSTOMER).status == 200
    card = {**payment()["card"], "number": "378282246310005", "cvv": "1234"}
    # So much is refused without a score, and a repetition is the same attempt: none passes uncounted.
    body = payment(card=card, amount_minor=20_000)
    keys = [key() for _ in range(3 * VELOCITY_LIMIT)]
    answers = [until_answered(lambda each=each: merchant.request("POST", "/payments", body, **each)) for each in keys]  # type: ignore[misc]
    declined = [a.body["decline_reason"] for a in answers if a.body["status"] == "declined"]
    # The window may turn once meanwhile: then twice the limit passes, and never more.
    assert len(declined) >= VELOCITY_LIMIT
    assert set(declined) == {"velocity_exceeded"}


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (["list-pipelines", "--query", "pipelines[].name"], "payment-pipeline"),
        (
            ["get-pipeline-state", "--name", "payment-pipeline", "--query", "stageStates[].latestExecution.status"],
            "Succe",
        ),
        (["list-pipeline-executions", "--pipeline-name", "payment-pipeline"], "Succeeded"),
        (["list-action-executions", "--pipeline-name", "payment-pipeline"], "approved by the demo"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_aws_command_line_sees_the_pipeline(released: Released, command: list[str], found: str) -> None:
    cloud = released.cloud
    shown = subprocess.run(
        [str(Path(sys.executable).with_name("aws")), "codepipeline", *command, "--output", "json"],
        env=cloud.endpoint.environment(cloud.assembly.tooling_account, home=cloud.workspace.cli_home),
        capture_output=True,
        text=True,
        check=True,
    )
    assert found in shown.stdout


def test_an_unsigned_request_is_refused(released: Released) -> None:
    url = released.cloud.outputs("prod")["ApiUrl"].rstrip("/") + "/payments/any"
    host, path = url.removeprefix("https://").split("/", 1)
    response = requests.get(f"{released.cloud.endpoint.url}/{path}", headers={"Host": host}, timeout=10)
    assert response.status_code == 403


def test_a_merchant_cannot_choose_a_colour(released: Released) -> None:
    merchant = released.merchant("prod")
    live = merchant.request("GET", "/payments/any").headers["x-release-color"]
    for colour in ("blue", "green"):
        answer = merchant.request("GET", "/payments/any", **{"x-release-color": colour})
        assert answer.headers["x-release-color"] == live


@pytest.mark.parametrize(
    ("broken", "tests"),
    [
        pytest.param(breaks.without_recovery, "integ_tests/test_data.py", id="recovery"),
        pytest.param(breaks.with_another_group_admitted, "integ_tests/test_security_groups.py", id="security group"),
    ],
)
def test_integration_tests_notice(released: Released, broken: breaks.Break, tests: str) -> None:
    """The pipeline has seen them pass. `make acceptance` breaks more."""
    cloud, account = released.cloud, released.cloud.assembly.target("dev").account
    outputs = cloud.outputs("dev")
    environment = cloud.endpoint.environment(account, home=cloud.workspace.cli_home)
    environment |= {"FLAT_OUTPUTS": str(cloud.outputs_file("dev")), "PYTHONPATH": f"lambda_src:{CHECKOUT}"}

    with broken(cloud.endpoint.session(account), outputs):
        found = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert found.returncode == 1, found.stdout[-2000:]
