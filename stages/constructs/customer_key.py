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
