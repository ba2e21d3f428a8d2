"""Security groups that start closed in both directions."""

from aws_cdk import aws_ec2 as ec2
from constructs import Construct


class PaymentSecurityGroup(ec2.SecurityGroup):
    """Allows nothing, in or out, until a rule says so."""

    def __init__(self, scope: Construct, construct_id: str, *, name: str, description: str, vpc: ec2.IVpc) -> None:
        super().__init__(
            scope,
            construct_id,
            security_group_name=name,
            description=description,
            vpc=vpc,
            allow_all_outbound=False,
        )
