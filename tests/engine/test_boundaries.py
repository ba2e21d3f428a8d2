"""Permissions boundaries: what a role can never do, and that CloudFormation makes no role without one.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.embedded import EmbeddedAws, eventually, template
from tests.engine.test_access import allow, make_role, policy


def boundary(engine: EmbeddedAws, account: str, *statements: dict[str, Any]) -> str:
    iam = engine.client("iam", account=account)
    made = iam.create_policy(PolicyName="boundary", PolicyDocument=policy(*statements))
    return str(made["Policy"]["Arn"])


def ended(client: Any, stack: str) -> str:
    """The stack's status; empty while CloudFormation is at work."""
    status = str(client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
    return "" if status.endswith("_IN_PROGRESS") else status


def test_a_role_reads_only_the_secrets_that_bear_the_value_of_its_tag(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html"""
    vault = engine.client("secretsmanager", account=account)
    for suffix in ("pr-1", "pr-2"):
        vault.create_secret(Name=f"payment/{suffix}/database", SecretString=suffix)
    own = f"arn:aws:secretsmanager:us-east-1:{account}:secret:payment/${{aws:PrincipalTag/Environment}}/*"
    limit = boundary(engine, account, allow("secretsmanager:*", own))

    def reader(name: str, tags: list[dict[str, str]]) -> Any:
        everything = allow("secretsmanager:GetSecretValue", "*")
        made = make_role(engine, account, name, everything, PermissionsBoundary=limit, Tags=tags)
        return engine.client_of(engine.assume(made, account=account), "secretsmanager")

    tagged = reader("tagged", [{"Key": "Environment", "Value": "pr-1"}])
    assert tagged.get_secret_value(SecretId="payment/pr-1/database")["SecretString"] == "pr-1"
    with pytest.raises(ClientError, match="AccessDenied"):
        tagged.get_secret_value(SecretId="payment/pr-2/database")
    with pytest.raises(ClientError, match="AccessDenied"):
        reader("untagged", []).get_secret_value(SecretId="payment/pr-1/database")


def execution_role(engine: EmbeddedAws, account: str, *statements: dict[str, Any]) -> str:
    iam = engine.client("iam", account=account)
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName="execution", AssumeRolePolicyDocument=policy(trust))["Role"]
    iam.put_role_policy(RoleName="execution", PolicyName="x", PolicyDocument=policy(*statements))
    return str(made["Arn"])


@pytest.mark.parametrize("bounded", [True, False])
def test_an_execution_role_that_must_makes_no_role_without_the_boundary(
    engine: EmbeddedAws, account: str, bounded: bool
) -> None:
    limit = boundary(engine, account, allow("logs:*", "*"))
    deny = {
        "Effect": "Deny",
        "Action": ["iam:CreateRole", "iam:AttachRolePolicy"],
        "Resource": "*",
        "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": limit}},
    }
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    properties = {"RoleName": "wanted", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    attached = {"PolicyDocument": json.loads(policy(allow("logs:PutLogEvents", "*"))), "Roles": [{"Ref": "Role"}]}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": properties},
        "Policy": {"Type": "AWS::IAM::ManagedPolicy", "Properties": attached},
    }
    body = template(resources)
    if bounded:
        body = body.replace('"RoleName"', f'"PermissionsBoundary": "{limit}", "RoleName"')
    client = engine.client("cloudformation", account=account)
    client.create_stack(
        StackName="roles",
        TemplateBody=body,
        RoleARN=execution_role(engine, account, allow("*", "*"), deny),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    status = eventually(lambda: ended(client, "roles"))
    events = client.describe_stack_events(StackName="roles")["StackEvents"]
    reasons = " ".join(event.get("ResourceStatusReason", "") for event in events)
    assert status == ("CREATE_COMPLETE" if bounded else "ROLLBACK_COMPLETE"), reasons
    names = {found["RoleName"] for found in engine.client("iam", account=account).list_roles()["Roles"]}
    assert ("wanted" in names) is bounded
    if not bounded:
        assert "not authorized to perform: iam:CreateRole" in reasons
