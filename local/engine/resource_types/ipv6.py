"""IPv6 in a VPC: its range, the ranges of its subnets, the gateway that lets connections out only.

Nothing is sent over it here. A subnet's range has to lie in one that its VPC has, as on AWS, so that a template which
forgets the dependency between the two fails here too.
"""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from ipaddress import IPv6Network
from urllib.parse import parse_qs

from local.engine import context
from local.engine.registry import Attributes, Provisioned, Registry, Request, Resource, Response, ServiceHandler
from local.engine.resource_types.values import boolean, tag_specifications

VPC_PREFIX = 56
_MEMBER = "<ipv6CidrBlockAssociationSet>{}</ipv6CidrBlockAssociationSet>"
_ITEM = (
    "<item><associationId>{association}</associationId><ipv6CidrBlock>{block}</ipv6CidrBlock>"
    "<{state}><state>associated</state></{state}></item>"
)


def register(registry: Registry) -> None:
    ranges = Ipv6Ranges()
    registry.resource_type(
        "AWS::EC2::VPCCidrBlock",
        create=ranges.associate,
        delete=ranges.disassociate,
        properties={"AmazonProvidedIpv6CidrBlock", "VpcId"},
    )
    registry.resource_type(
        "AWS::EC2::EgressOnlyInternetGateway",
        create=create_gateway,
        delete=lambda resource: resource.client("ec2").delete_egress_only_internet_gateway(
            EgressOnlyInternetGatewayId=resource.physical_id
        ),
        properties={"VpcId", "Tags"},
    )
    registry.after("AWS::EC2::VPC", lambda resource: {"Ipv6CidrBlocks": [str(amazon_range(resource.physical_id))]})
    registry.after("AWS::EC2::Subnet", ranges.remember_subnet)
    registry.supports("AWS::EC2::Subnet", {"Ipv6CidrBlock"})
    registry.wrap_service("ec2", ranges.describe)


def amazon_range(vpc: str) -> IPv6Network:
    """The range that Amazon would choose for the VPC: always the same, and of no other."""
    chosen = int.from_bytes(sha256(vpc.encode()).digest()[:3], "big")
    return IPv6Network(((0x2600_1F18 << 96) | (chosen << 72), VPC_PREFIX))


class Ipv6Ranges:
    """Which VPC and which subnet has which range, in each account and region."""

    def __init__(self) -> None:
        self._vpcs = context.store()
        self._subnets = context.store()

    def associate(self, resource: Resource) -> Provisioned:
        if not boolean(resource.properties.get("AmazonProvidedIpv6CidrBlock")):
            raise ValueError("AWS::EC2::VPCCidrBlock: the embedded AWS knows ranges that Amazon provides only")
        vpc = str(resource.properties["VpcId"])
        if vpc in self._vpcs:
            raise ValueError(f"{vpc} has an IPv6 range already")
        self._vpcs[vpc] = str(amazon_range(vpc))
        association = _association("vpc", vpc)
        return Provisioned(physical_id=association, attributes={"Id": association})

    def disassociate(self, resource: Resource) -> None:
        self._vpcs.pop(str(resource.properties["VpcId"]), None)

    def remember_subnet(self, resource: Resource) -> Attributes:
        block = resource.properties.get("Ipv6CidrBlock")
        if not block:
            self._subnets.pop(resource.physical_id, None)
            return {"Ipv6CidrBlocks": []}
        whole = self._vpcs.get(str(resource.properties["VpcId"]))
        if whole is None or not IPv6Network(block).subnet_of(IPv6Network(whole)):
            raise ValueError(f"the IPv6 range {block} is in none of the VPC's")
        self._subnets[resource.physical_id] = str(block)
        return {"Ipv6CidrBlocks": [str(block)]}

    async def describe(self, request: Request, proceed: ServiceHandler) -> Response:
        """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Subnet.html"""
        response = await proceed(request)
        asked = parse_qs(request.body.decode(errors="replace")) if request.body else dict(request.query)
        kinds = {"DescribeVpcs": ("vpc", self._vpcs), "DescribeSubnets": ("subnet", self._subnets)}
        kind, ranges = kinds.get(asked.get("Action", [""])[0], ("", {}))
        if not kind or response.status != 200 or not ranges:
            return response

        def complete(found: re.Match[str]) -> str:
            block = ranges.get(found[1])
            state = "ipv6CidrBlockState"
            item = _ITEM.format(association=_association(kind, found[1]), block=block, state=state) if block else ""
            return found[0] + _MEMBER.format(item)

        # The id that opens an item: others of its kind may be mentioned further down.
        text = re.sub(rf"(?<=<item>)\s*<{kind}Id>([^<]+)</{kind}Id>", complete, response.body.decode())
        return replace(response, body=text.encode())


def create_gateway(resource: Resource) -> Provisioned:
    answer = resource.client("ec2").create_egress_only_internet_gateway(
        VpcId=resource.properties["VpcId"],
        **tag_specifications(resource.properties, "egress-only-internet-gateway"),
    )
    gateway = answer["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    return Provisioned(physical_id=gateway, attributes={"Id": gateway})


def _association(kind: str, owner: str) -> str:
    return f"{kind}-cidr-assoc-{owner.partition('-')[2]}"
