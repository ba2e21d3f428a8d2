"""Where things end that could not be delivered or written."""

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stages.constructs.nag import acknowledge

DAYS = 14


class FailureQueue(sqs.Queue):
    """Keeps a message for two weeks, encrypted with `key`. Monitoring has an alarm on every one of these."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, key: kms.IKey) -> None:
        super().__init__(
            scope,
            construct_id,
            queue_name=name,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            data_key_reuse=Duration.hours(1),
            retention_period=Duration.days(DAYS),
            enforce_ssl=True,
        )
        acknowledge(
            self,
            aws="SQS3",
            reason="It is itself where failures end: an alarm calls a person when it holds a message",
        )
