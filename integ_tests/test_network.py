"""The network: three zones, nothing reachable from outside, a load balancer for the API alone."""

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from integ_tests.environment import Deployed
from release import names

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import SubnetTypeDef
    from mypy_boto3_elbv2.type_defs import LoadBalancerTypeDef, RuleTypeDef

ANYWHERE = {"0.0.0.0/0", "::/0"}


@pytest.fixture(scope="module")
def subnets(session: boto3.Session, deployed: Deployed) -> dict[str, list["SubnetTypeDef"]]:
    """By kind, which is part of the name: `payment-<suffix>-<kind>-<zone>`."""
    filters: list[Any] = [{"Name": "vpc-id", "Values": [deployed["VpcId"]]}]
    found = session.client("ec2").describe_subnets(Filters=filters)["Subnets"]
    kinds: dict[str, list[SubnetTypeDef]] = {"public": [], "private": [], "database": []}
    for subnet in found:
        name = next(tag["Value"] for tag in subnet["Tags"] if tag["Key"] == "Name")
        kind, _, zone = name.removeprefix(names.resource(deployed.suffix, "")).partition("-")
        assert zone == subnet["AvailabilityZone"]
        kinds[kind].append(subnet)
    return kinds


@pytest.fixture(scope="module")
def balancer(session: boto3.Session, deployed: Deployed) -> "LoadBalancerTypeDef":
    answer = session.client("elbv2").describe_load_balancers(LoadBalancerArns=[deployed["LoadBalancerArn"]])
    return answer["LoadBalancers"][0]


def test_the_vpc_is_available_and_tagged_with_the_environment(session: boto3.Session, deployed: Deployed) -> None:
    vpc = session.client("ec2").describe_vpcs(VpcIds=[deployed["VpcId"]])["Vpcs"][0]
    assert vpc["State"] == "available"
    assert {"Key": "EnvironmentSuffix", "Value": deployed.suffix} in vpc["Tags"]


@pytest.mark.parametrize("kind", ["public", "private", "database"])
def test_every_kind_of_subnet_is_in_three_zones(subnets: dict[str, list["SubnetTypeDef"]], kind: str) -> None:
    assert len({subnet["AvailabilityZone"] for subnet in subnets[kind]}) == 3


def test_no_subnet_hands_out_public_addresses(subnets: dict[str, list["SubnetTypeDef"]]) -> None:
    assert not [subnet for group in subnets.values() for subnet in group if subnet["MapPublicIpOnLaunch"]]


def test_only_public_subnets_have_a_road_from_outside_and_databases_have_none_at_all(
    session: boto3.Session, deployed: Deployed, subnets: dict[str, list["SubnetTypeDef"]]
) -> None:
    tables = session.client("ec2").describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [deployed["VpcId"]]}])[
        "RouteTables"
    ]
    routes = {
        association["SubnetId"]: [
            route
            for route in table["Routes"]
            if {route.get("DestinationCidrBlock"), route.get("DestinationIpv6CidrBlock")} & ANYWHERE
        ]
        for table in tables
        for association in table["Associations"]
        if "SubnetId" in association
    }
    for subnet in subnets["public"]:
        assert [r for r in routes[subnet["SubnetId"]] if r.get("GatewayId", "").startswith("igw-")]
    for subnet in subnets["private"]:
        (way_out,) = routes[subnet["SubnetId"]]
        assert way_out.get("NatGatewayId") or way_out.get("EgressOnlyInternetGatewayId")
    for subnet in subnets["database"]:
        assert routes[subnet["SubnetId"]] == []


def test_no_security_group_admits_the_internet(session: boto3.Session, deployed: Deployed) -> None:
    groups = session.client("ec2").describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [deployed["VpcId"]]}]
    )["SecurityGroups"]
    assert {name for name in (group["GroupName"] for group in groups) if name.startswith("payment-")} >= {
        names.resource(deployed.suffix, role) for role in ("link", "alb", "functions", "database")
    }
    for group in groups:
        for permission in group["IpPermissions"]:
            assert not ANYWHERE & {r["CidrIp"] for r in permission.get("IpRanges", [])}, group["GroupName"]
            assert not ANYWHERE & {r["CidrIpv6"] for r in permission.get("Ipv6Ranges", [])}, group["GroupName"]


def test_all_traffic_of_the_vpc_is_logged(session: boto3.Session, deployed: Deployed) -> None:
    logs = session.client("ec2").describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [deployed["VpcId"]]}])[
        "FlowLogs"
    ]
    assert [(log["TrafficType"], log["LogGroupName"]) for log in logs] == [
        ("ALL", names.log_group(deployed.suffix, "flow-logs"))
    ]


def test_the_load_balancer_is_private_and_in_three_zones(
    balancer: "LoadBalancerTypeDef", deployed: Deployed, subnets: dict[str, list["SubnetTypeDef"]]
) -> None:
    assert balancer["Scheme"] == "internal"
    assert balancer["Type"] == "application"
    assert balancer["VpcId"] == deployed["VpcId"]
    assert balancer["DNSName"] == deployed["LoadBalancerDnsName"]
    private = {subnet["SubnetId"] for subnet in subnets["private"]}
    assert {zone["SubnetId"] for zone in balancer["AvailabilityZones"]} == private


def test_no_load_balancer_of_the_account_is_public(session: boto3.Session) -> None:
    pages = session.client("elbv2").get_paginator("describe_load_balancers").paginate()
    public = [b["LoadBalancerName"] for page in pages for b in page["LoadBalancers"] if b["Scheme"] != "internal"]
    assert public == []


def test_the_load_balancer_speaks_https_only(session: boto3.Session, deployed: Deployed) -> None:
    answer = session.client("elbv2").describe_listeners(LoadBalancerArn=deployed["LoadBalancerArn"])
    (listener,) = answer["Listeners"]
    assert listener["ListenerArn"] == deployed["ListenerArn"]
    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    assert listener["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2")
    assert listener["Certificates"]


def test_unknown_paths_end_at_the_load_balancer(listener_rules: list["RuleTypeDef"]) -> None:
    (default,) = (rule for rule in listener_rules if rule["IsDefault"])
    (action,) = default["Actions"]
    assert action["Type"] == "fixed-response"
    assert action["FixedResponseConfig"]["StatusCode"] == "404"
