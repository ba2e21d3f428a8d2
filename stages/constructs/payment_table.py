"""Tables: encrypted with a customer's key, recoverable to any second."""

from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stages.constructs.payment_layer import data_removal_policy

EXPIRY_ATTRIBUTE = "expires_at"


@dataclass(frozen=True, kw_only=True)
class Index:
    """A global secondary index over two string attributes, sorted by the second."""

    name: str
    partition_key: str
    sort_key: str


class PaymentTable(dynamodb.Table):
    """An on-demand table with string keys. Items with `expires_at` (epoch seconds) go after that time.

    `stream` records old and new images of every change.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        key: kms.IKey,
        keep: bool,
        sort_key: str | None = None,
        indexes: tuple[Index, ...] = (),
        stream: bool = False,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            table_name=name,
            partition_key=_string("pk"),
            sort_key=_string(sort_key) if sort_key else None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute=EXPIRY_ATTRIBUTE,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if stream else None,
            deletion_protection=keep,
            removal_policy=data_removal_policy(keep=keep),
        )
        for index in indexes:
            self.add_global_secondary_index(
                index_name=index.name,
                partition_key=_string(index.partition_key),
                sort_key=_string(index.sort_key),
                projection_type=dynamodb.ProjectionType.ALL,
            )


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
