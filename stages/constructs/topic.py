"""Encrypted topics."""

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct


class PaymentTopic(sns.Topic):
    """A topic that is encrypted with `key` and refuses plain connections."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, display_name: str, key: kms.IKey) -> None:
        super().__init__(
            scope, construct_id, topic_name=name, display_name=display_name, master_key=key, enforce_ssl=True
        )
