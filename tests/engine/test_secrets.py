"""Rotation by the secret's own function.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-rotationschedule.html
"""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from local.engine.rotation_schedule import due_at
from tests.engine.embedded import EmbeddedAws, StackFailedError, eventually
from tests.engine.test_functions import function

SOURCE = """
import boto3

def handler(event, context):
    vault, arn, token = boto3.client("secretsmanager"), event["SecretId"], event["ClientRequestToken"]
    print("step", event["Step"])
    described = vault.describe_secret(SecretId=arn)
    assert described["RotationEnabled"] and described["VersionIdsToStages"][token] == ["AWSPENDING"]
    if event["Step"] == "createSecret":
        try:
            vault.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
        except vault.exceptions.ResourceNotFoundException:
            vault.put_secret_value(
                SecretId=arn, ClientRequestToken=token, SecretString="new", VersionStages=["AWSPENDING"])
    if event["Step"] == "testSecret" and FAIL:
        raise RuntimeError("login refused")
    if event["Step"] == "finishSecret":
        current = next(v for v, stages in described["VersionIdsToStages"].items() if "AWSCURRENT" in stages)
        vault.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current)
"""
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
# What AWS runs when a schedule is made without an immediate rotation; it leaves no version behind.
TRIAL = ["testSecret"]


def resources(secret: str, *, fails: bool, permitted: bool = True, **schedule_properties: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": secret}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {"PolicyName": "x", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]}},
            ],
        },
    }
    permission = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "Function"},
            "Principal": "secretsmanager.amazonaws.com",
        },
    }
    schedule = {
        "Type": "AWS::SecretsManager::RotationSchedule",
        "DependsOn": ["Permission"] if permitted else [],
        "Properties": {
            "SecretId": secret,
            "RotationLambdaARN": {"Fn::GetAtt": ["Function", "Arn"]},
            "RotationRules": {"AutomaticallyAfterDays": "30"},
            **schedule_properties,
        },
    }
    return {
        "Role": role,
        "Function": function(SOURCE.replace("FAIL", str(fails))),
        **({"Permission": permission} if permitted else {}),
        "Schedule": schedule,
    }


def existing_secret(engine: EmbeddedAws, account: str) -> str:
    vault = engine.client("secretsmanager", account=account)
    return str(vault.create_secret(Name="app", SecretString="old")["ARN"])


def has_run(engine: EmbeddedAws, account: str, steps: list[str]) -> bool:
    return steps_run(engine, account) == steps


def steps_run(engine: EmbeddedAws, account: str) -> list[str]:
    logs = engine.client("logs", account=account)
    try:
        events = logs.filter_log_events(logGroupName="/payment/pay")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [e["message"].removeprefix("step ") for e in events if e["message"].startswith("step ")]


def test_rotation_runs_the_four_steps_and_then_the_new_value_is_current(engine: EmbeddedAws, account: str) -> None:
    secret = existing_secret(engine, account)
    engine.deploy(resources(secret, fails=False, RotateImmediatelyOnUpdate=False), account=account)
    vault = engine.client("secretsmanager", account=account)
    assert vault.get_secret_value(SecretId="app")["SecretString"] == "old"
    described = vault.describe_secret(SecretId="app")
    assert described["RotationRules"]["AutomaticallyAfterDays"] == 30
    assert (described["NextRotationDate"] - described["CreatedDate"]).days == 30
    eventually(lambda: steps_run(engine, account) == TRIAL)

    version = vault.rotate_secret(SecretId="app")["VersionId"]

    described = eventually(lambda: (d := vault.describe_secret(SecretId="app")).get("LastRotatedDate") and d)
    assert "AWSCURRENT" in described["VersionIdsToStages"][version]
    assert vault.get_secret_value(SecretId="app")["SecretString"] == "new"
    assert vault.get_secret_value(SecretId="app", VersionStage="AWSPREVIOUS")["SecretString"] == "old"
    assert steps_run(engine, account) == TRIAL + STEPS

    for done in (2, 3):
        vault.rotate_secret(SecretId="app")
        eventually(functools.partial(has_run, engine, account, TRIAL + done * STEPS))
        stages = vault.describe_secret(SecretId="app")["VersionIdsToStages"]
        assert sum("AWSPENDING" in labels for labels in stages.values()) <= 1


def test_failed_step_leaves_the_old_value_current_and_blocks_the_next_rotation(
    engine: EmbeddedAws, account: str
) -> None:
    secret = existing_secret(engine, account)
    engine.deploy(resources(secret, fails=True, RotateImmediatelyOnUpdate="false"), account=account)
    vault = engine.client("secretsmanager", account=account)

    eventually(lambda: steps_run(engine, account) == TRIAL)
    eventually(lambda: list(vault.describe_secret(SecretId="app")["VersionIdsToStages"].values()) == [["AWSCURRENT"]])
    vault.rotate_secret(SecretId="app")

    eventually(lambda: steps_run(engine, account) == TRIAL + STEPS[:3])
    assert vault.get_secret_value(SecretId="app")["SecretString"] == "old"
    with pytest.raises(vault.exceptions.InvalidRequestException, match="previous rotation"):
        vault.rotate_secret(SecretId="app")


def test_rotation_at_once_is_the_default_of_the_template(engine: EmbeddedAws, account: str) -> None:
    engine.deploy(resources(existing_secret(engine, account), fails=False), account=account)

    vault = engine.client("secretsmanager", account=account)
    eventually(lambda: vault.get_secret_value(SecretId="app")["SecretString"] == "new")


def test_function_that_secrets_manager_may_not_invoke_is_refused(engine: EmbeddedAws, account: str) -> None:
    secret = existing_secret(engine, account)

    with pytest.raises(StackFailedError, match=r"secretsmanager\.amazonaws\.com"):
        engine.deploy(resources(secret, fails=False, permitted=False), account=account)


def test_deleting_the_schedule_turns_rotation_off(engine: EmbeddedAws, account: str) -> None:
    vault = engine.client("secretsmanager", account=account)
    wanted = resources(existing_secret(engine, account), fails=False, RotateImmediatelyOnUpdate=False)
    stack = engine.deploy(wanted, account=account)
    assert vault.describe_secret(SecretId="app")["RotationEnabled"]

    stack.delete()

    assert not vault.describe_secret(SecretId="app")["RotationEnabled"]


def test_resource_policy_is_put(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-resourcepolicy.html"""
    deny = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:DeleteSecret", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "app", "SecretString": "x"}}
    attached = {
        "Type": "AWS::SecretsManager::ResourcePolicy",
        "Properties": {"SecretId": {"Ref": "Secret"}, "ResourcePolicy": policy},
    }
    engine.deploy({"Secret": secret, "Policy": attached}, account=account)

    vault = engine.client("secretsmanager", account=account)

    assert json.loads(vault.get_resource_policy(SecretId="app")["ResourcePolicy"]) == policy


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        ({"AutomaticallyAfterDays": 30}, 30 * 86_400),
        ({"ScheduleExpression": "rate(4 hours)"}, 4 * 3600),
        ({"ScheduleExpression": "rate(1 day)"}, 86_400),
        ({"ScheduleExpression": "cron(0 4 1 * ? *)"}, None),
        ({}, None),
    ],
)
def test_next_rotation_is_counted_from_the_last_one(rules: dict[str, Any], seconds: int | None) -> None:
    """https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html"""
    secret = {"CreatedDate": 1000, "RotationEnabled": True, "RotationRules": rules}

    assert due_at(secret) == (None if seconds is None else 1000 + seconds)
    assert due_at(secret | {"LastRotatedDate": 5000}) == (None if seconds is None else 5000 + seconds)
    assert due_at(secret | {"RotationEnabled": False}) is None
