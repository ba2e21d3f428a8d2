"""Where builds log: one group for all projects of a stack, and the key that encrypts it."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from constructs import Construct

from stages.constructs.customer_key import PENDING_DAYS
from stages.constructs.key_access import allow_logs
from stages.constructs.log_group import PaymentLogGroup


def build_log(
    scope: Construct, *, owner: str, protects: str, log_group_name: str, retention_days: int
) -> tuple[kms.Key, PaymentLogGroup]:
    """Make `Key` and `BuildLogs` in `scope`; the key, which has the alias `owner`, may protect more than the log."""
    key = kms.Key(
        scope,
        "Key",
        alias=f"alias/{owner}",
        description=f"{owner}: {protects}",
        enable_key_rotation=True,
        pending_window=Duration.days(PENDING_DAYS),
        removal_policy=RemovalPolicy.DESTROY,
    )
    allow_logs(key, log_group_patterns=[log_group_name])
    return key, PaymentLogGroup(scope, "BuildLogs", name=log_group_name, key=key, retention_days=retention_days)
