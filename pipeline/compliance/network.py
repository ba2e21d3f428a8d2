"""Requirements 1 and 2: network security controls, and configurations that cannot be misused."""

from typing import Any, Final

from pipeline.compliance.estate import Resource, as_list
from pipeline.compliance.rule import Evidence, Rule, at_least, companion, demand, one_of

_ANYWHERE: Final = ("0.0.0.0/0", "::/0")
# The library closes a group by allowing what nobody can use.
_NOWHERE: Final = "255.255.255.255/32"


def _ranges(rule: Any) -> list[str]:
    return [rule[key] for key in ("CidrIp", "CidrIpv6") if isinstance(rule, dict) and key in rule]


def _no_address_comes_in(resource: Resource) -> list[Evidence]:
    """Traffic comes in from security groups only."""
    inline = "SecurityGroupIngress"
    rules = as_list(resource.at(inline)) if resource.type == "AWS::EC2::SecurityGroup" else [resource.properties]
    ranges = [cidr for rule in rules for cidr in _ranges(rule)]
    path = f"Properties.{inline}" if resource.type == "AWS::EC2::SecurityGroup" else "Properties.SourceSecurityGroupId"
    return [Evidence(path=path, value=ranges or resource.at("SourceSecurityGroupId") or "none", holds=not ranges)]


def _only_named_ports_go_out(resource: Resource) -> list[Evidence]:
    inline = resource.type == "AWS::EC2::SecurityGroup"
    rules = as_list(resource.at("SecurityGroupEgress")) if inline else [resource.properties]
    wide = [
        rule
        for rule in rules
        if _NOWHERE not in _ranges(rule) and (str(rule.get("IpProtocol")) == "-1" or rule.get("FromPort") is None)
    ]
    # Without any rule a group of its own lets everything out.
    closed = bool(rules) and not wide
    path = "Properties.SecurityGroupEgress" if inline else "Properties.FromPort"
    return [Evidence(path=path, value=rules if inline else resource.at("FromPort"), holds=closed)]


def _is_database_subnet(resource: Resource) -> bool:
    return any(resource.is_named_by(group, "SubnetIds") for group in resource.estate.of("AWS::RDS::DBSubnetGroup"))


def _routes_nowhere_else(resource: Resource) -> list[Evidence]:
    """The route tables of a database's subnet have no route but those within the network and to gateway endpoints."""
    tables = [
        association.at("RouteTableId")
        for association in resource.estate.of("AWS::EC2::SubnetRouteTableAssociation")
        if resource.is_named_by(association, "SubnetId")
    ]
    routes = [route.logical_id for route in resource.estate.of("AWS::EC2::Route") if route.at("RouteTableId") in tables]
    return [Evidence(path="Properties.VpcId", value=routes or "no route", holds=bool(tables) and not routes)]


RULES: Final = (
    Rule(
        id="DefaultSecurityGroupClosed",
        requirement="1.3.1",
        control="What is put into the network without a security group of its own can reach nothing",
        types=["AWS::EC2::VPC"],
        check=companion(
            ["Custom::VpcRestrictDefaultSG"], lambda vpc, closing: vpc.is_named_by(closing, "DefaultSecurityGroupId")
        ),
    ),
    Rule(
        id="InboundFromGroupsOnly",
        requirement="1.3.1",
        control="Traffic into the network's parts comes from named security groups, never from an address range",
        types=["AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"],
        check=_no_address_comes_in,
    ),
    Rule(
        id="OutboundOnNamedPorts",
        requirement="1.3.2",
        control="Traffic leaves a part of the network on named ports only",
        types=["AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress"],
        check=_only_named_ports_go_out,
    ),
    Rule(
        id="DatabaseSubnetsIsolated",
        requirement="1.4.4",
        control="What stores cardholder data is in subnets that the internet cannot be reached from or through",
        types=["AWS::EC2::Subnet"],
        applies=_is_database_subnet,
        check=_routes_nowhere_else,
    ),
    Rule(
        id="LoadBalancerPrivate",
        requirement="1.4.4",
        control="Nothing but the API's link reaches the load balancer: it has private addresses only",
        types=["AWS::ElasticLoadBalancingV2::LoadBalancer"],
        check=demand("Scheme", one_of("internal")),
    ),
    Rule(
        id="ConcurrencyReserved",
        requirement="2.2.6",
        control="A function can neither take the whole account's concurrency nor lose its own to another",
        types=["AWS::Lambda::Function"],
        applies=lambda function: "CustomResourceProvider" not in function.logical_id,
        check=demand("ReservedConcurrentExecutions", at_least(1)),
    ),
)
