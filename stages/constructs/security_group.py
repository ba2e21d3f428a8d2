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

    def reach(self, other: "PaymentSecurityGroup", port: int, description: str) -> None:
        """Let this group open TCP connections to `other` on `port`.

        The library's own rules carry the path of the stage in their ids: a stage that is deployed from another place
        would make every rule a second time, which EC2 refuses.
        """
        ec2.CfnSecurityGroupEgress(
            self,
            f"To{other.node.id}",
            group_id=self.security_group_id,
            destination_security_group_id=other.security_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=description,
        )
        ec2.CfnSecurityGroupIngress(
            other,
            f"From{self.node.id}",
            group_id=other.security_group_id,
            source_security_group_id=self.security_group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=description,
        )
