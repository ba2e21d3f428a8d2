"""Who else may use a key, and for what only."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms


def allow_logs(key: kms.Key, *, log_group_patterns: list[str]) -> None:
    """Let CloudWatch Logs encrypt the log groups of these name patterns, and no others."""
    stack = Stack.of(key)
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="LogGroups",
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=[
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
                "kms:GenerateDataKey",
                "kms:DescribeKey",
            ],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        f"arn:aws:logs:{stack.region}:{stack.account}:log-group:{pattern}"
                        for pattern in log_group_patterns
                    ]
                }
            },
        )
    )


def allow_alarms(key: kms.Key) -> None:
    """Let this account's CloudWatch alarms publish to topics that the key encrypts."""
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Alarms",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(key).account}},
        )
    )


def allow_topics_to_encrypt(key: kms.Key) -> None:
    """Let this account's topics put messages into queues that the key encrypts."""
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Topics",
            principals=[iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(key).account}},
        )
    )


def allow_functions(key: kms.Key, *, function_names: list[str]) -> None:
    """Let the roles of these functions read their own environment variables."""
    stack = Stack.of(key)
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="FunctionEnvironments",
            principals=[iam.AnyPrincipal()],
            actions=["kms:Decrypt"],
            resources=["*"],
            conditions={
                "StringEquals": {"kms:CallerAccount": stack.account},
                "ArnLike": {
                    "kms:EncryptionContext:aws:lambda:FunctionArn": [
                        f"arn:aws:lambda:{stack.region}:{stack.account}:function:{name}{version}"
                        for name in function_names
                        for version in ("", ":*")
                    ]
                },
            },
        )
    )


def allow_tables(key: kms.Key) -> None:
    """Let callers that may use a table use the table's key through DynamoDB, and only through it."""
    stack = Stack.of(key)
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Tables",
            principals=[iam.AnyPrincipal()],
            actions=["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey", "kms:CreateGrant"],
            resources=["*"],
            conditions={
                "StringEquals": {
                    "kms:CallerAccount": stack.account,
                    "kms:ViaService": f"dynamodb.{stack.region}.amazonaws.com",
                }
            },
        )
    )
