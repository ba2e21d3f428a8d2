"""AWS::ElasticLoadBalancingV2::LoadBalancer."""

from __future__ import annotations

from local.engine.load_balancer import attributes
from local.engine.load_balancer.templates.calls import elbv2, parameters_of, physical_name, sync_tags, whole_attributes
from local.engine.registry import Properties, Provisioned, Resource

PROPERTIES = frozenset(
    {
        "IpAddressType",
        "LoadBalancerAttributes",
        "Name",
        "Scheme",
        "SecurityGroups",
        "SubnetMappings",
        "Subnets",
        "Tags",
        "Type",
    }
)
REPLACING = frozenset({"Name", "Scheme", "Type"})


def create(resource: Resource) -> str:
    given = parameters_of(resource.properties, "CreateLoadBalancer") | {"Name": physical_name(resource)}
    return str(elbv2(resource).create_load_balancer(**given)["LoadBalancers"][0]["LoadBalancerArn"])


def apply(resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned:
    client = elbv2(resource)
    if old:
        if subnets(new) != subnets(old):
            client.set_subnets(LoadBalancerArn=arn, Subnets=subnets(new))
        if new.get("SecurityGroups") != old.get("SecurityGroups"):
            client.set_security_groups(LoadBalancerArn=arn, SecurityGroups=new.get("SecurityGroups", []))
        if new.get("IpAddressType") != old.get("IpAddressType"):
            client.set_ip_address_type(LoadBalancerArn=arn, IpAddressType=new.get("IpAddressType", "ipv4"))
        sync_tags(client, arn, new, old)
    client.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=whole_attributes(attributes.LOAD_BALANCER, new.get("LoadBalancerAttributes"))
    )
    found = client.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    return Provisioned(
        physical_id=arn,
        attributes={
            "LoadBalancerArn": arn,
            "LoadBalancerName": found["LoadBalancerName"],
            "LoadBalancerFullName": arn.partition(":loadbalancer/")[2],
            "DNSName": found["DNSName"],
            "CanonicalHostedZoneID": found["CanonicalHostedZoneId"],
            "SecurityGroups": found.get("SecurityGroups", []),
        },
    )


def delete(resource: Resource) -> None:
    elbv2(resource).delete_load_balancer(LoadBalancerArn=resource.physical_id)


def subnets(properties: Properties) -> list[str]:
    return [*properties.get("Subnets", []), *(item["SubnetId"] for item in properties.get("SubnetMappings", []))]
