"""Keys that the customer, not the service, controls."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from release import names
from stages.constructs.payment_layer import data_removal_policy

PENDING_DAYS = 7


class CustomerKey(kms.Key):
    """A symmetric key with yearly rotation, named `alias/payment-<suffix>-<role>`."""

    def __init__(
        self, scope: Construct, construct_id: str, *, suffix: str, role: str, protects: str, keep: bool
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=f"alias/{names.resource(suffix, role)}",
            description=f"{names.prefix(suffix)}: {protects}",
            enable_key_rotation=True,
            pending_window=Duration.days(PENDING_DAYS),
            removal_policy=data_removal_policy(keep=keep),
        )


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
                "StringEquals": {
                    "kms:CallerAccount": stack.account,
                    "kms:EncryptionContext:aws:lambda:FunctionArn": [
                        f"arn:aws:lambda:{stack.region}:{stack.account}:function:{name}" for name in function_names
                    ],
                }
            },
        )
    )


class FingerprintKey(kms.Key):
    """The HMAC key that card numbers are fingerprinted with; only the role `user_role` can compute with it.

    The deny names the role by its ARN, so the role may be created later than the key. HMAC keys cannot rotate.
    """

    def __init__(self, scope: Construct, construct_id: str, *, suffix: str, user_role: str, keep: bool) -> None:
        super().__init__(
            scope,
            construct_id,
            alias=f"alias/{names.resource(suffix, 'fingerprint')}",
            description=f"{names.prefix(suffix)}: keyed hashes of card numbers",
            key_spec=kms.KeySpec.HMAC_256,
            key_usage=kms.KeyUsage.GENERATE_VERIFY_MAC,
            pending_window=Duration.days(PENDING_DAYS),
            removal_policy=data_removal_policy(keep=keep),
        )
        stack = Stack.of(self)
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="OneRoleComputes",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["kms:GenerateMac", "kms:VerifyMac"],
                resources=["*"],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{stack.account}:role/{user_role}"}},
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
