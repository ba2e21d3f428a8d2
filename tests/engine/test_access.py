"""IAM across accounts, as CDK's bootstrap roles and the pipeline need it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.embedded import EmbeddedAws
from tests.engine.test_functions import function, invoke, role


def make_role(engine: EmbeddedAws, account: str, name: str, *statements: Mapping[str, Any], **more: Any) -> str:
    """A role that its own account's administrator may assume."""
    iam = engine.client("iam", account=account)
    trust = more.pop("trust", [f"arn:aws:iam::{account}:root"])
    document = {"Effect": "Allow", "Principal": {"AWS": trust}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(document), **more)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="x", PolicyDocument=policy(*statements))
    return str(arn)


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_bucket_policy_can_grant_to_a_role_of_another_account(
    engine: EmbeddedAws, account: str, other_account: Callable[[], str]
) -> None:
    owner, name = other_account(), f"shared-{account}"
    s3 = engine.client("s3", account=owner)
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    read = allow("s3:GetObject", f"arn:aws:s3:::{name}/*")
    granted = make_role(engine, account, "granted", read)
    stranger = make_role(engine, account, "stranger", read)
    s3.put_bucket_policy(Bucket=name, Policy=policy({**read, "Principal": {"AWS": granted}}))

    client = engine.client_of(engine.assume(granted, account=account), "s3")
    assert client.get_object(Bucket=name, Key="a")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=name, Key="a", Body=b"y")
    with pytest.raises(ClientError, match="AccessDenied"):
        engine.client_of(engine.assume(stranger, account=account), "s3").get_object(Bucket=name, Key="a")


@pytest.mark.parametrize(("tagged", "allowed"), [("yes", True), ("no", False)])
def test_roles_can_be_assumed_by_their_tags(engine: EmbeddedAws, account: str, tagged: str, allowed: bool) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html"""
    condition = {"StringEquals": {"iam:ResourceTag/deploys": "yes"}}
    caller = make_role(engine, account, "caller", allow("sts:AssumeRole", "*", Condition=condition))
    target = make_role(engine, account, "target", Tags=[{"Key": "deploys", "Value": tagged}])
    sts = engine.client_of(engine.assume(caller, account=account), "sts")

    if allowed:
        assert sts.assume_role(RoleArn=target, RoleSessionName="test")["Credentials"]
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=target, RoleSessionName="test")


def test_resource_account_is_the_buckets_owner(
    engine: EmbeddedAws, account: str, other_account: Callable[[], str]
) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
    owner, name = other_account(), f"artifacts-{account}"
    s3 = engine.client("s3", account=owner)
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    roles = {
        whose: make_role(
            engine,
            account,
            f"of-{whose}",
            allow("s3:GetObject", "*", Condition={"StringEquals": {"s3:ResourceAccount": whose}}),
        )
        for whose in (owner, account)
    }
    read = allow("s3:GetObject", f"arn:aws:s3:::{name}/*")
    s3.put_bucket_policy(Bucket=name, Policy=policy({**read, "Principal": {"AWS": list(roles.values())}}))

    def read_as(whose: str) -> bytes:
        client = engine.client_of(engine.assume(roles[whose], account=account), "s3")
        body: bytes = client.get_object(Bucket=name, Key="a")["Body"].read()
        return body

    assert read_as(owner) == b"x"
    with pytest.raises(ClientError, match="AccessDenied"):
        read_as(account)


def test_loopback_counts_as_tls(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html"""
    name = f"tls-{account}"
    s3 = engine.client("s3", account=account)
    s3.create_bucket(Bucket=name)
    everything = {"Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]}
    without_tls = {"Bool": {"aws:SecureTransport": "false"}}
    s3.put_bucket_policy(Bucket=name, Policy=policy({"Effect": "Deny", "Condition": without_tls, **everything}))
    role = make_role(engine, account, "writer", allow("s3:PutObject", f"arn:aws:s3:::{name}/*"))

    client = engine.client_of(engine.assume(role, account=account), "s3")

    assert client.put_object(Bucket=name, Key="a", Body=b"x")["ResponseMetadata"]["HTTPStatusCode"] == 200


CALLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("ssm:GetParametersByPath", "ssm", "parameter/mine", {"Path": "/mine"}),
    ("ssm:GetParameters", "ssm", "parameter/mine/*", {"Names": ["/mine/a", "/mine/b"]}),
    ("cloudwatch:DescribeAlarms", "cloudwatch", "alarm:*", {}),
    ("rds:DescribeDBClusters", "rds", "cluster:*", {}),
    ("logs:PutLogEvents", "logs", "log-group:/mine:*", {}),
]


@pytest.mark.parametrize(("action", "service", "resource", "arguments"), CALLS, ids=[call[0] for call in CALLS])
def test_calls_are_authorized_on_the_resource_that_aws_names(
    engine: EmbeddedAws, account: str, action: str, service: str, resource: str, arguments: dict[str, Any]
) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"""
    arn = f"arn:aws:{service}:us-east-1:{account}:{resource}"
    role = make_role(engine, account, "caller", allow(action, arn))
    client = engine.client_of(engine.assume(role, account=account), service)
    if service == "logs":
        logs = engine.client("logs", account=account)
        logs.create_log_group(logGroupName="/mine")
        logs.create_log_stream(logGroupName="/mine", logStreamName="a")
        arguments = {"logGroupName": "/mine", "logStreamName": "a", "logEvents": [{"timestamp": 1, "message": "x"}]}
    operation = client.meta.method_to_api_mapping
    method = next(name for name, api in operation.items() if api == action.partition(":")[2])

    assert getattr(client, method)(**arguments)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("get_parameters_by_path", {"Path": "/theirs"}),
        ("get_parameters", {"Names": ["/theirs/a"]}),
        ("get_parameters", {"Names": ["/mine/a", "/theirs/a"]}),
    ],
)
def test_parameters_of_others_stay_closed(
    engine: EmbeddedAws, account: str, method: str, arguments: dict[str, Any]
) -> None:
    arn = f"arn:aws:ssm:us-east-1:{account}:parameter/mine"
    grants = [allow("ssm:*", arn), allow("ssm:*", f"{arn}/a")]
    role = make_role(engine, account, "caller", *grants)
    client = engine.client_of(engine.assume(role, account=account), "ssm")

    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(client, method)(**arguments)


@pytest.mark.parametrize(("qualifier", "allowed"), [("blue", True), ("green", False), (None, False)])
def test_functions_are_invoked_by_alias_only_where_the_policy_names_it(
    engine: EmbeddedAws, account: str, qualifier: str | None, allowed: bool
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html"""
    aliases = {
        colour: {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Ref": "Function"}, "Name": colour}}
        for colour in ("blue", "green")
    }
    engine.deploy({"Role": role(), "Function": function(), **aliases}, account=account)
    arn = f"arn:aws:lambda:us-east-1:{account}:function:pay:blue"
    caller = make_role(engine, account, "caller", allow("lambda:InvokeFunction", arn))
    client = engine.client_of(engine.assume(caller, account=account), "lambda")
    arguments = {"Qualifier": qualifier} if qualifier else {}

    if allowed:
        assert client.invoke(FunctionName="pay", Payload="{}", **arguments)["StatusCode"] == 200
    else:
        with pytest.raises(ClientError, match="AccessDenied"):
            client.invoke(FunctionName="pay", Payload="{}", **arguments)


READS_A_PARAMETER = """
import boto3

def handler(event, context):
    return boto3.client("ssm").get_parameter(Name="/pay/limit")["Parameter"]["Value"]
"""


def test_a_function_may_do_what_its_role_allows_and_no_more(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"""
    stack = engine.deploy({"Role": role(), "Function": function(READS_A_PARAMETER, Timeout=20)}, account=account)
    engine.client("ssm", account=account).put_parameter(Name="/pay/limit", Value="5", Type="String")
    iam, client = engine.client("iam", account=account), engine.client("lambda", account=account)
    own = {"RoleName": stack.resources["Role"], "PolicyName": "own"}
    grant = allow("ssm:GetParameter", f"arn:aws:ssm:us-east-1:{account}:parameter/pay/*")
    iam.put_role_policy(**own, PolicyDocument=policy(grant))

    assert invoke(client, "pay", {}) == {"error": None, "payload": "5"}
    iam.delete_role_policy(**own)
    refused = invoke(client, "pay", {})

    assert refused["error"] == "Unhandled"
    assert "not authorized to perform: ssm:GetParameter" in refused["payload"]["errorMessage"]
