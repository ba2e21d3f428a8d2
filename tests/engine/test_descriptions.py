"""Describe calls say what AWS says, and permissions bear AWS's names."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from local.engine.template_urls import bucket_and_key
from tests.engine.embedded import EmbeddedAws


def test_an_index_of_a_table_is_active(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GlobalSecondaryIndexDescription.html"""
    client = engine.client("dynamodb", account=account)
    key = {"AttributeName": "pk", "KeyType": "HASH"}
    client.create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[key],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[{"IndexName": "index", "KeySchema": [key], "Projection": {"ProjectionType": "ALL"}}],
    )
    table = client.describe_table(TableName="table")["Table"]
    assert [index["IndexStatus"] for index in table["GlobalSecondaryIndexes"]] == ["ACTIVE"]


def test_a_flow_log_names_its_log_group_and_role(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html"""
    client = engine.client("ec2", account=account)
    network = client.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    role = f"arn:aws:iam::{account}:role/flow-logs"
    client.create_flow_logs(
        ResourceIds=[network],
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName="/flow",
        DeliverLogsPermissionArn=role,
    )
    (flow_log,) = client.describe_flow_logs()["FlowLogs"]
    assert (flow_log["LogGroupName"], flow_log["DeliverLogsPermissionArn"]) == ("/flow", role)


@pytest.mark.parametrize(("action", "allowed"), [("lambda:GetAlias", True), ("lambda:ListAliases", False)])
def test_reading_an_alias_needs_the_permission_of_that_name(
    engine: EmbeddedAws, account: str, action: str, *, allowed: bool
) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html"""
    iam = engine.client("iam", account=account)
    iam.create_user(UserName="reader")
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = boto3.client(
        "lambda",
        endpoint_url=engine.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    with pytest.raises(ClientError) as refused:
        reader.get_alias(FunctionName="none", Name="blue")
    assert refused.value.response["Error"]["Code"] == (
        "ResourceNotFoundException" if allowed else "AccessDeniedException"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://bucket.s3.amazonaws.com/some/key",
        "https://bucket.s3.us-east-1.amazonaws.com/some/key",
        "https://s3.us-east-1.amazonaws.com/bucket/some/key",
        "http://127.0.0.1:4566/bucket/some/key",
    ],
)
def test_a_template_url_is_read_in_either_style(url: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"""
    assert bucket_and_key(url) == ("bucket", "some/key")
