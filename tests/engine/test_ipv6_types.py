"""IPv6 in a VPC.

https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html
"""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import Any

import pytest

from tests.engine.embedded import EmbeddedAws, StackFailedError


def resources(*, waits: bool) -> dict[str, Any]:
    ranges = {"Fn::Cidr": [{"Fn::Select": [0, {"Fn::GetAtt": ["Network", "Ipv6CidrBlocks"]}]}, 2, "64"]}
    subnet = {"VpcId": {"Ref": "Network"}, "CidrBlock": "10.9.0.0/24", "Ipv6CidrBlock": {"Fn::Select": [1, ranges]}}
    return {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
        "Block": {
            "Type": "AWS::EC2::VPCCidrBlock",
            "Properties": {"VpcId": {"Ref": "Network"}, "AmazonProvidedIpv6CidrBlock": True},
            **({} if waits else {"DependsOn": "Subnet"}),
        },
        "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": subnet, **({"DependsOn": "Block"} if waits else {})},
        "Gateway": {"Type": "AWS::EC2::EgressOnlyInternetGateway", "Properties": {"VpcId": {"Ref": "Network"}}},
        "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Network"}}},
        "Route": {
            "Type": "AWS::EC2::Route",
            "Properties": {
                "RouteTableId": {"Ref": "Table"},
                "DestinationIpv6CidrBlock": "::/0",
                "EgressOnlyInternetGatewayId": {"Fn::GetAtt": ["Gateway", "Id"]},
            },
        },
    }


def test_a_subnet_has_a_range_of_its_vpcs_and_a_road_out(engine: EmbeddedAws, account: str) -> None:
    stack = engine.deploy(resources(waits=True), account=account)
    ec2 = engine.client("ec2", account=account)
    (vpc,) = ec2.describe_vpcs(VpcIds=[stack.resources["Network"]])["Vpcs"]
    (subnet,) = ec2.describe_subnets(SubnetIds=[stack.resources["Subnet"]])["Subnets"]
    (whole,) = (IPv6Network(found["Ipv6CidrBlock"]) for found in vpc["Ipv6CidrBlockAssociationSet"])
    (part,) = (IPv6Network(found["Ipv6CidrBlock"]) for found in subnet["Ipv6CidrBlockAssociationSet"])
    assert (whole.prefixlen, part.prefixlen, part.subnet_of(whole)) == (56, 64, True)
    (table,) = ec2.describe_route_tables(RouteTableIds=[stack.resources["Table"]])["RouteTables"]
    (out,) = (route for route in table["Routes"] if route.get("DestinationIpv6CidrBlock") == "::/0")
    assert out["EgressOnlyInternetGatewayId"] == stack.resources["Gateway"]

    stack.delete()

    assert ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"] == []


def test_a_subnet_that_does_not_wait_for_the_vpcs_range_fails_as_on_aws(engine: EmbeddedAws, account: str) -> None:
    with pytest.raises(StackFailedError, match=r"is in none of the VPC's"):
        engine.deploy(resources(waits=False), account=account)
