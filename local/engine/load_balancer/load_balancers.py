"""Operations on load balancers themselves.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
"""

from __future__ import annotations

import re
import secrets

from botocore.exceptions import ClientError

from local.engine import context, inprocess
from local.engine.load_balancer import attributes, tags
from local.engine.load_balancer.errors import ApiError, unsupported, validation
from local.engine.load_balancer.model import LoadBalancer, Shape, State, arn, identifier
from local.engine.load_balancer.paging import page

HOSTED_ZONE = "Z35SXDOTRQ7X7K"  # of Application Load Balancers in us-east-1
_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")


async def create(state: State, parameters: Shape) -> Shape:
    name, scheme = parameters["Name"], parameters.get("Scheme", "internet-facing")
    if parameters.get("Type", "application") != "application":
        raise unsupported(f"load balancers of type '{parameters['Type']}'")
    if not _NAME.fullmatch(name) or name.startswith("internal-"):
        raise validation(f"Load balancer name '{name}' is not valid")
    if scheme not in ("internal", "internet-facing"):
        raise ApiError("InvalidScheme", f"Scheme '{scheme}' must be one of '[internet-facing, internal]'")
    vpc_id, zones = await _zones(_subnets(parameters))
    groups = parameters.get("SecurityGroups", [])
    await _check_security_groups(groups, vpc_id)
    labels = tags.parsed(parameters.get("Tags", []))
    existing = next((lb for lb in state.load_balancers.values() if lb.name == name), None)
    if existing is not None:
        if (existing.scheme, existing.zones, existing.security_groups) != (scheme, zones, groups):
            raise ApiError(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{name}' exists, but with different settings",
            )
        return {"LoadBalancers": [described(existing)]}
    prefix = "internal-" if scheme == "internal" else ""
    load_balancer = LoadBalancer(
        arn=arn(f"loadbalancer/app/{name}/{identifier()}"),
        name=name,
        dns_name=f"{prefix}{name}-{secrets.randbelow(10**10):010}.{context.region()}.elb.amazonaws.com",
        scheme=scheme,
        ip_address_type=parameters.get("IpAddressType", "ipv4"),
        vpc_id=vpc_id,
        zones=zones,
        security_groups=groups,
        attributes=dict(attributes.LOAD_BALANCER),
        tags=labels,
    )
    state.load_balancers[load_balancer.arn] = load_balancer
    return {"LoadBalancers": [described(load_balancer)]}


async def describe(state: State, parameters: Shape) -> Shape:
    names, arns = parameters.get("Names"), parameters.get("LoadBalancerArns")
    found = [
        item
        for item in state.load_balancers.values()
        if (names is None or item.name in names) and (arns is None or item.arn in arns)
    ]
    if missing := sorted(set(names or []) - {item.name for item in found}):
        raise ApiError("LoadBalancerNotFound", f"Load balancers '[{', '.join(missing)}]' not found")
    if set(arns or []) - {item.arn for item in found}:
        raise ApiError("LoadBalancerNotFound", "One or more load balancers not found")
    return page("LoadBalancers", [described(item) for item in found], parameters)


async def delete(state: State, parameters: Shape) -> Shape:
    """Delete a load balancer with its listeners and rules; succeeds when it is gone already, as on AWS."""
    load_balancer = state.load_balancers.get(parameters["LoadBalancerArn"])
    if load_balancer is None:
        return {}
    if load_balancer.attributes[attributes.DELETION_PROTECTION] == "true":
        raise ApiError(
            "OperationNotPermitted",
            f"Load balancer '{load_balancer.arn}' cannot be deleted because deletion protection is enabled",
        )
    for listener in state.listeners_of(load_balancer.arn):
        for rule in state.rules_of(listener.arn):
            del state.rules[rule.arn]
        del state.listeners[listener.arn]
    del state.load_balancers[load_balancer.arn]
    return {}


async def describe_attributes(state: State, parameters: Shape) -> Shape:
    return {"Attributes": attributes.described(state.load_balancer(parameters["LoadBalancerArn"]).attributes)}


async def modify_attributes(state: State, parameters: Shape) -> Shape:
    load_balancer = state.load_balancer(parameters["LoadBalancerArn"])
    load_balancer.attributes = attributes.merged(load_balancer.attributes, parameters["Attributes"])
    return await describe_attributes(state, parameters)


async def set_subnets(state: State, parameters: Shape) -> Shape:
    load_balancer = state.load_balancer(parameters["LoadBalancerArn"])
    vpc_id, zones = await _zones(_subnets(parameters))
    if vpc_id != load_balancer.vpc_id:
        raise ApiError("InvalidSubnet", "The subnets must be in the load balancer's VPC")
    load_balancer.zones = zones
    return {"AvailabilityZones": zones, "IpAddressType": load_balancer.ip_address_type}


async def set_security_groups(state: State, parameters: Shape) -> Shape:
    load_balancer = state.load_balancer(parameters["LoadBalancerArn"])
    await _check_security_groups(parameters["SecurityGroups"], load_balancer.vpc_id)
    load_balancer.security_groups = parameters["SecurityGroups"]
    return {"SecurityGroupIds": load_balancer.security_groups}


async def set_ip_address_type(state: State, parameters: Shape) -> Shape:
    load_balancer = state.load_balancer(parameters["LoadBalancerArn"])
    load_balancer.ip_address_type = parameters["IpAddressType"]
    return {"IpAddressType": load_balancer.ip_address_type}


def described(item: LoadBalancer) -> Shape:
    return {
        "LoadBalancerArn": item.arn,
        "LoadBalancerName": item.name,
        "DNSName": item.dns_name,
        "CanonicalHostedZoneId": HOSTED_ZONE,
        "CreatedTime": item.created,
        "Scheme": item.scheme,
        "VpcId": item.vpc_id,
        "State": {"Code": "active"},
        "Type": "application",
        "AvailabilityZones": item.zones,
        "SecurityGroups": item.security_groups,
        "IpAddressType": item.ip_address_type,
    }


def _subnets(parameters: Shape) -> list[str]:
    mappings = parameters.get("SubnetMappings", [])
    if extra := {name for mapping in mappings for name in mapping} - {"SubnetId"}:
        raise unsupported(f"subnet mappings with '{sorted(extra)[0]}'")
    return [*parameters.get("Subnets", []), *(mapping["SubnetId"] for mapping in mappings)]


async def _zones(subnet_ids: list[str]) -> tuple[str, list[Shape]]:
    """The VPC and the zones of the subnets. Raises `ApiError` when they do not exist or do not suffice."""
    try:
        answer = (
            await inprocess.call(
                "ec2", "DescribeSubnets", account=context.account(), region=context.region(), SubnetIds=subnet_ids
            )
            if subnet_ids
            else {"Subnets": []}
        )
    except ClientError as error:
        raise ApiError("SubnetNotFound", str(error)) from error
    by_id = {subnet["SubnetId"]: subnet for subnet in answer["Subnets"]}
    if missing := sorted(set(subnet_ids) - set(by_id)):
        raise ApiError("SubnetNotFound", f"The subnet ID '{missing[0]}' does not exist")
    found = [by_id[subnet_id] for subnet_id in subnet_ids]
    names = [subnet["AvailabilityZone"] for subnet in found]
    if len(set(names)) < 2:
        raise validation("At least two subnets in two different Availability Zones must be specified")
    if len(set(names)) < len(names):
        raise ApiError(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    if len({subnet["VpcId"] for subnet in found}) > 1:
        raise ApiError("InvalidSubnet", "The subnets must be in one VPC")
    return found[0]["VpcId"], [
        {"ZoneName": subnet["AvailabilityZone"], "SubnetId": subnet["SubnetId"], "LoadBalancerAddresses": []}
        for subnet in found
    ]


async def _check_security_groups(group_ids: list[str], vpc_id: str) -> None:
    if not group_ids:
        return
    try:
        answer = await inprocess.call(
            "ec2", "DescribeSecurityGroups", account=context.account(), region=context.region(), GroupIds=group_ids
        )
    except ClientError as error:
        raise ApiError("InvalidSecurityGroup", str(error)) from error
    if {group["GroupId"] for group in answer["SecurityGroups"] if group["VpcId"] == vpc_id} != set(group_ids):
        raise ApiError("InvalidSecurityGroup", "One or more security groups are invalid")
