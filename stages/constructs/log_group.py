"""Log groups: encrypted, with an end."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

_RETENTION = {
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
}


class PaymentLogGroup(logs.LogGroup):
    """Goes with its stack: what has to outlive an environment is an audit record, not a log."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey, retention_days: int) -> None:
        super().__init__(
            scope,
            construct_id,
            log_group_name=name,
            encryption_key=key,
            retention=_RETENTION[retention_days],
            removal_policy=RemovalPolicy.DESTROY,
        )
