"""No property of a template is lost in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local.engine.ignored_properties import IGNORED
from tests.engine.embedded import EmbeddedAws, StackFailedError
from tests.engine.test_access import allow, make_role, policy


def test_a_property_that_ministack_skips_is_refused_by_name(engine: EmbeddedAws, account: str) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q", "NotOfThisWorld": 1}}

    with pytest.raises(StackFailedError, match="AWS::SQS::Queue: the embedded AWS has no behaviour for NotOfThisWorld"):
        engine.deploy({"Queue": queue}, account=account)


def test_a_property_that_an_update_adds_is_refused_too(engine: EmbeddedAws, account: str) -> None:
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}
    stack = engine.deploy({"Queue": queue}, account=account)
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q", "NotOfThisWorld": 1}}

    with pytest.raises(StackFailedError, match="NotOfThisWorld"):
        stack.update(TemplateBody=json.dumps({"Resources": {"Queue": queue}}))


def test_every_ignored_property_has_a_reason() -> None:
    assert all(reason.strip() for reasons in IGNORED.values() for reason in reasons.values())


def test_permissions_boundary_of_a_role_limits_it(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"""
    boundary = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "ManagedPolicyName": "boundary",
            "PolicyDocument": json.loads(policy(allow("sqs:ListQueues", "*"))),
        },
    }
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": "bounded",
            "AssumeRolePolicyDocument": json.loads(policy(trust)),
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
            "PermissionsBoundary": {"Ref": "Boundary"},
        },
    }
    engine.deploy({"Boundary": boundary, "Role": role}, account=account)
    credentials = engine.assume(f"arn:aws:iam::{account}:role/bounded", account=account)

    assert engine.client_of(credentials, "sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    sns = engine.client_of(credentials, "sns")
    with pytest.raises(sns.exceptions.AuthorizationErrorException):
        sns.list_topics()


def test_managed_policy_attaches_to_a_role_that_exists_and_leaves_it(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-managedpolicy.html"""
    arn = make_role(engine, account, "existing")
    attached = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"PolicyDocument": json.loads(policy(allow("sqs:ListQueues", "*"))), "Roles": ["existing"]},
    }
    stack = engine.deploy({"Policy": attached}, account=account)

    client = engine.client_of(engine.assume(arn, account=account), "sqs")
    assert client.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    stack.delete()

    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.list_queues()


def test_topic_has_its_key(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html"""
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alerts", "KmsMasterKeyId": "alias/alerts"}}
    stack = engine.deploy({"Topic": topic}, account=account)

    attributes = engine.client("sns", account=account).get_topic_attributes(TopicArn=stack.resources["Topic"])

    assert attributes["Attributes"]["KmsMasterKeyId"] == "alias/alerts"


def test_the_audit_lists_what_an_assembly_would_lose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from local.engine.audit import main

    resources = {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"NotOfThisWorld": 1, "QueueName": "q"}},
        "Board": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"Tags": []}},
    }
    (tmp_path / "x.template.json").write_text(json.dumps({"Resources": resources}))

    assert main(tmp_path) == 1

    said = capsys.readouterr().out
    assert "AWS::SQS::Queue NotOfThisWorld: REFUSED" in said
    assert "AWS::CloudWatch::Dashboard Tags: without effect, " in said
    assert "QueueName" not in said
