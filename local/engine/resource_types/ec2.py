"""EC2 types: addresses, NAT gateways, flow logs, security group rules, and what GetAtt of a VPC must answer."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from local.engine.registry import Attributes, Provisioned, Registry, Resource
from local.engine.resource_types.values import integers, present, tag_specifications, tags


def register(registry: Registry) -> None:
    registry.resource_type(
        "AWS::EC2::EIP",
        create=allocate_address,
        update=retag_address,
        delete=release_address,
        properties={"Domain", "Tags"},
    )
    registry.resource_type(
        "AWS::EC2::NatGateway",
        create=create_nat_gateway,
        delete=lambda resource: resource.client("ec2").delete_nat_gateway(NatGatewayId=resource.physical_id),
        properties={"AllocationId", "ConnectivityType", "SubnetId", "Tags"},
    )
    registry.resource_type(
        "AWS::EC2::FlowLog",
        create=create_flow_log,
        delete=lambda resource: resource.client("ec2").delete_flow_logs(FlowLogIds=[resource.physical_id]),
        properties=FLOW_LOG_PROPERTIES,
    )
    for direction in ("Ingress", "Egress"):
        registry.resource_type(
            f"AWS::EC2::SecurityGroup{direction}",
            create=authorize,
            delete=revoke,
            properties=RULE_PROPERTIES,
        )
    registry.after("AWS::EC2::VPC", vpc_attributes)


FLOW_LOG_PROPERTIES = frozenset(
    {
        "DeliverLogsPermissionArn",
        "LogDestination",
        "LogDestinationType",
        "LogGroupName",
        "MaxAggregationInterval",
        "ResourceId",
        "ResourceType",
        "Tags",
        "TrafficType",
    }
)
RULE_PROPERTIES = frozenset(
    {
        "CidrIp",
        "CidrIpv6",
        "Description",
        "DestinationPrefixListId",
        "DestinationSecurityGroupId",
        "FromPort",
        "GroupId",
        "IpProtocol",
        "SourcePrefixListId",
        "SourceSecurityGroupId",
        "SourceSecurityGroupOwnerId",
        "ToPort",
    }
)


def allocate_address(resource: Resource) -> Provisioned:
    answer = resource.client("ec2").allocate_address(
        Domain=resource.properties.get("Domain", "vpc"), **tag_specifications(resource.properties, "elastic-ip")
    )
    return Provisioned(
        physical_id=answer["PublicIp"],
        attributes={"AllocationId": answer["AllocationId"], "PublicIp": answer["PublicIp"]},
    )


def retag_address(resource: Resource) -> Provisioned:
    allocation = _allocation(resource)
    resource.client("ec2").create_tags(Resources=[allocation], Tags=tags(resource.properties))
    return Provisioned(
        physical_id=resource.physical_id, attributes={"AllocationId": allocation, "PublicIp": resource.physical_id}
    )


def release_address(resource: Resource) -> None:
    resource.client("ec2").release_address(AllocationId=_allocation(resource))


def _allocation(resource: Resource) -> str:
    addresses = resource.client("ec2").describe_addresses()["Addresses"]
    return next(str(a["AllocationId"]) for a in addresses if a["PublicIp"] == resource.physical_id)


def create_nat_gateway(resource: Resource) -> Provisioned:
    answer = resource.client("ec2").create_nat_gateway(
        **present(resource.properties, "SubnetId", "AllocationId", "ConnectivityType"),
        **tag_specifications(resource.properties, "natgateway"),
    )
    gateway = answer["NatGateway"]["NatGatewayId"]
    return Provisioned(physical_id=gateway, attributes={"NatGatewayId": gateway})


def create_flow_log(resource: Resource) -> Provisioned:
    properties = resource.properties
    answer = resource.client("ec2").create_flow_logs(
        ResourceIds=[properties["ResourceId"]],
        **present(
            properties,
            "ResourceType",
            "TrafficType",
            "LogDestinationType",
            "LogGroupName",
            "LogDestination",
            "DeliverLogsPermissionArn",
        ),
        **integers(properties, ["MaxAggregationInterval"]),
        **tag_specifications(properties, "vpc-flow-log"),
    )
    flow_log = answer["FlowLogIds"][0]
    return Provisioned(physical_id=flow_log, attributes={"Id": flow_log})


def authorize(resource: Resource) -> Provisioned:
    client = resource.client("ec2")
    call = client.authorize_security_group_egress if _egress(resource) else client.authorize_security_group_ingress
    answer = call(GroupId=resource.properties["GroupId"], IpPermissions=[_permission(resource)])
    rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return Provisioned(physical_id=rule, attributes={"Id": rule})


def revoke(resource: Resource) -> None:
    """Revoke the rule by its content; a group that went first took its rules along."""
    client = resource.client("ec2")
    call = client.revoke_security_group_egress if _egress(resource) else client.revoke_security_group_ingress
    try:
        call(GroupId=resource.properties["GroupId"], IpPermissions=[_permission(resource)])
    except ClientError as error:
        if not error.response["Error"]["Code"].endswith(".NotFound"):
            raise


def _egress(resource: Resource) -> bool:
    return resource.type.endswith("Egress")


def _permission(resource: Resource) -> dict[str, Any]:
    properties = resource.properties
    side = "Destination" if _egress(resource) else "Source"
    described = present(properties, "Description")
    permission: dict[str, Any] = {"IpProtocol": str(properties["IpProtocol"])}
    permission |= integers(properties, ["FromPort", "ToPort"])
    if cidr := properties.get("CidrIp"):
        permission["IpRanges"] = [{"CidrIp": cidr, **described}]
    if cidr := properties.get("CidrIpv6"):
        permission["Ipv6Ranges"] = [{"CidrIpv6": cidr, **described}]
    if group := properties.get(f"{side}SecurityGroupId"):
        permission["UserIdGroupPairs"] = [{"GroupId": group, **described}]
    if prefix_list := properties.get(f"{side}PrefixListId"):
        permission["PrefixListIds"] = [{"PrefixListId": prefix_list, **described}]
    return permission


def vpc_attributes(resource: Resource) -> Attributes:
    """The attributes of a VPC that ministack does not return."""
    return {
        "CidrBlock": resource.properties.get("CidrBlock"),
        "CidrBlockAssociations": ["vpc-cidr-assoc-" + resource.physical_id.removeprefix("vpc-")],
    }
