"""A way out to AWS that costs nothing while nobody uses it: IPv6 through an egress-only internet gateway."""

from typing import Final, cast

from aws_cdk import Fn
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

_SUBNET_BITS: Final = "64"
_ANYWHERE: Final = "::/0"


class Ipv6Egress(Construct):
    """Gives each of `subnets` an IPv6 range of its own and a route out; nobody outside can open a connection.

    All other subnets of the VPC stay without IPv6.
    """

    def __init__(self, scope: Construct, construct_id: str, *, vpc: ec2.Vpc, subnets: list[ec2.ISubnet]) -> None:
        super().__init__(scope, construct_id)
        block = ec2.CfnVPCCidrBlock(self, "Block", vpc_id=vpc.vpc_id, amazon_provided_ipv6_cidr_block=True)
        gateway = ec2.CfnEgressOnlyInternetGateway(self, "Gateway", vpc_id=vpc.vpc_id)
        ranges = Fn.cidr(Fn.select(0, vpc.vpc_ipv6_cidr_blocks), len(subnets), _SUBNET_BITS)
        for number, subnet in enumerate(subnets):
            resource = cast(ec2.CfnSubnet, subnet.node.default_child)
            resource.ipv6_cidr_block = Fn.select(number, ranges)
            # The VPC's attribute names no range before this resource is there.
            resource.add_resource_dependency(block)
            ec2.CfnRoute(
                self,
                f"Route{number + 1}",
                route_table_id=subnet.route_table.route_table_id,
                destination_ipv6_cidr_block=_ANYWHERE,
                egress_only_internet_gateway_id=gateway.attr_id,
            )
