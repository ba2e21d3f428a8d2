"""The service's API as boto3 sees it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.balancing import REGION, make_network

ACCOUNT = "222222220001"
FIXED: Any = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}


@dataclass(frozen=True, kw_only=True)
class World:
    elbv2: Any
    subnets: list[str]
    security_group: str
    certificate: str
    load_balancer: dict[str, Any]

    def listener(self, port: int, **more: Any) -> dict[str, Any]:
        parameters = {"Protocol": "HTTP", "DefaultActions": [FIXED]} | more
        made = self.elbv2.create_listener(
            LoadBalancerArn=self.load_balancer["LoadBalancerArn"], Port=port, **parameters
        )
        listener: dict[str, Any] = made["Listeners"][0]
        return listener

    def target_group(self, name: str) -> str:
        arn: str = self.elbv2.create_target_group(Name=name, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
        return arn


@pytest.fixture(scope="module")
def world(engine: Any) -> Iterator[World]:
    elbv2 = engine.client("elbv2", account=ACCOUNT)
    subnets, group = make_network(engine.client("ec2", account=ACCOUNT))
    made = elbv2.create_load_balancer(
        Name="api-test", Scheme="internal", Subnets=subnets, SecurityGroups=[group], Tags=[{"Key": "a", "Value": "b"}]
    )
    certificate = engine.client("acm", account=ACCOUNT).request_certificate(DomainName="pay.example.com")
    yield World(
        elbv2=elbv2,
        subnets=subnets,
        security_group=group,
        certificate=certificate["CertificateArn"],
        load_balancer=made["LoadBalancers"][0],
    )
    elbv2.delete_load_balancer(LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"])


def refusal(call: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_load_balancer_is_described_as_on_aws(world: World) -> None:
    found = world.elbv2.describe_load_balancers(Names=["api-test"])["LoadBalancers"][0]
    assert found["LoadBalancerArn"].startswith(
        f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/api-test/"
    )
    assert found["DNSName"].startswith("internal-api-test-")
    assert found["DNSName"].endswith(f".{REGION}.elb.amazonaws.com")
    assert found["State"] == {"Code": "active"}
    assert (found["Type"], found["Scheme"], found["IpAddressType"]) == ("application", "internal", "ipv4")
    assert [zone["SubnetId"] for zone in found["AvailabilityZones"]] == world.subnets
    assert found["SecurityGroups"] == [world.security_group]


def test_creating_the_same_load_balancer_again_answers_it_and_another_one_is_refused(world: World) -> None:
    same = {
        "Name": "api-test",
        "Scheme": "internal",
        "Subnets": world.subnets,
        "SecurityGroups": [world.security_group],
    }
    assert world.elbv2.create_load_balancer(**same)["LoadBalancers"][0]["DNSName"] == world.load_balancer["DNSName"]
    code, _ = refusal(world.elbv2.create_load_balancer, **(same | {"SecurityGroups": []}))
    assert code == "DuplicateLoadBalancerName"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"Name": "-x"}, "ValidationError"),
        ({"Name": "internal-x"}, "ValidationError"),
        ({"Name": "x", "Subnets": ["subnet-00000000000000000", "subnet-1"]}, "SubnetNotFound"),
        ({"Name": "x", "SecurityGroups": ["sg-00000000000000000"]}, "InvalidSecurityGroup"),
        ({"Name": "x", "Type": "network"}, "InvalidConfigurationRequest"),
        ({"Name": "x", "CustomerOwnedIpv4Pool": "pool"}, "InvalidConfigurationRequest"),
    ],
)
def test_load_balancers_that_aws_or_we_cannot_make_are_refused(
    world: World, parameters: dict[str, Any], code: str
) -> None:
    assert refusal(world.elbv2.create_load_balancer, **({"Subnets": world.subnets} | parameters))[0] == code


def test_one_zone_is_not_enough(world: World) -> None:
    code, message = refusal(world.elbv2.create_load_balancer, Name="x", Subnets=world.subnets[:1])
    assert (code, "two subnets" in message) == ("ValidationError", True)


def test_deletion_protection_protects(world: World) -> None:
    made = world.elbv2.create_load_balancer(Name="protected", Subnets=world.subnets)["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    switch = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    world.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=switch)
    assert refusal(world.elbv2.delete_load_balancer, LoadBalancerArn=arn)[0] == "OperationNotPermitted"
    switch[0]["Value"] = "false"
    world.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=switch)
    world.elbv2.delete_load_balancer(LoadBalancerArn=arn)
    assert refusal(world.elbv2.describe_load_balancers, LoadBalancerArns=[arn])[0] == "LoadBalancerNotFound"
    world.elbv2.delete_load_balancer(LoadBalancerArn=arn)


def test_unknown_attributes_are_refused(world: World) -> None:
    code, message = refusal(
        world.elbv2.modify_load_balancer_attributes,
        LoadBalancerArn=world.load_balancer["LoadBalancerArn"],
        Attributes=[{"Key": "routing.http.nonsense", "Value": "true"}],
    )
    assert (code, "not recognized" in message) == ("ValidationError", True)


def test_accounts_do_not_see_each_other(engine: Any, world: World) -> None:
    other = engine.client("elbv2", account="222222220002")
    assert other.describe_load_balancers()["LoadBalancers"] == []
    arn = world.load_balancer["LoadBalancerArn"]
    assert refusal(other.describe_load_balancers, LoadBalancerArns=[arn])[0] == "LoadBalancerNotFound"


def test_listener_of_https_needs_a_certificate_that_exists(world: World) -> None:
    made = world.listener(8443, Protocol="HTTPS", Certificates=[{"CertificateArn": world.certificate}])
    assert made["SslPolicy"] == "ELBSecurityPolicy-2016-08"
    assert made["Certificates"] == [{"CertificateArn": world.certificate}]
    arn = world.load_balancer["LoadBalancerArn"]
    base = {"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": 8444, "DefaultActions": [FIXED]}
    assert refusal(world.elbv2.create_listener, **base)[0] == "ValidationError"
    missing = world.certificate[:-4] + "0000"
    with_missing = base | {"Certificates": [{"CertificateArn": missing}]}
    assert refusal(world.elbv2.create_listener, **with_missing)[0] == "CertificateNotFound"
    with_policy = base | {"Certificates": made["Certificates"], "SslPolicy": "ELBSecurityPolicy-None"}
    assert refusal(world.elbv2.create_listener, **with_policy)[0] == "SSLPolicyNotFound"
    duplicate = base | {"Port": 8443, "Certificates": made["Certificates"]}
    assert refusal(world.elbv2.create_listener, **duplicate)[0] == "DuplicateListener"


def test_weighted_forward_comes_back_as_it_was_given(world: World) -> None:
    blue, green = world.target_group("weights-blue"), world.target_group("weights-green")
    listener = world.listener(8001)
    forward: Any = {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [{"TargetGroupArn": blue, "Weight": 100}, {"TargetGroupArn": green, "Weight": 0}],
            "TargetGroupStickinessConfig": {"Enabled": False},
        },
    }
    condition = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/payments", "/*/payments"]}}
    made = world.elbv2.create_rule(
        ListenerArn=listener["ListenerArn"], Priority=110, Conditions=[condition], Actions=[forward]
    )["Rules"][0]
    assert made["Actions"] == [forward]
    assert made["Conditions"] == [condition | {"Values": ["/payments", "/*/payments"]}]
    assert (made["Priority"], made["IsDefault"]) == ("110", False)
    forward["ForwardConfig"]["TargetGroups"][0]["Weight"] = 90
    forward["ForwardConfig"]["TargetGroups"][1]["Weight"] = 10
    world.elbv2.modify_rule(RuleArn=made["RuleArn"], Actions=[forward])
    found = world.elbv2.describe_rules(RuleArns=[made["RuleArn"]])["Rules"][0]
    assert found["Actions"] == [forward]
    assert found["Conditions"] == made["Conditions"]
    groups = world.elbv2.describe_target_groups(LoadBalancerArn=world.load_balancer["LoadBalancerArn"])
    assert {blue, green} <= {group["TargetGroupArn"] for group in groups["TargetGroups"]}
    assert refusal(world.elbv2.delete_target_group, TargetGroupArn=green)[0] == "ResourceInUse"
    world.elbv2.delete_listener(ListenerArn=listener["ListenerArn"])
    world.elbv2.delete_target_group(TargetGroupArn=green)


def test_a_target_group_serves_one_load_balancer_only(world: World) -> None:
    group = world.target_group("one-owner")
    action = {"Type": "forward", "TargetGroupArn": group}
    listener = world.listener(8002, DefaultActions=[action])
    assert listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"] == [{"TargetGroupArn": group, "Weight": 1}]
    other = world.elbv2.create_load_balancer(Name="other", Subnets=world.subnets)["LoadBalancers"][0]
    code, _ = refusal(
        world.elbv2.create_listener,
        LoadBalancerArn=other["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[action],
    )
    assert code == "TargetGroupAssociationLimit"
    world.elbv2.delete_load_balancer(LoadBalancerArn=other["LoadBalancerArn"])


def test_rules_are_ordered_by_priority_and_priorities_can_be_swapped(world: World) -> None:
    listener = world.listener(8003)["ListenerArn"]
    arns = {}
    for priority in (20, 10):
        condition = {"Field": "path-pattern", "Values": [f"/{priority}"]}
        made = world.elbv2.create_rule(ListenerArn=listener, Priority=priority, Conditions=[condition], Actions=[FIXED])
        arns[priority] = made["Rules"][0]["RuleArn"]
    assert [rule["Priority"] for rule in world.elbv2.describe_rules(ListenerArn=listener)["Rules"]] == [
        "10",
        "20",
        "default",
    ]
    clash = {"ListenerArn": listener, "Priority": 10, "Conditions": [condition], "Actions": [FIXED]}
    assert refusal(world.elbv2.create_rule, **clash)[0] == "PriorityInUse"
    world.elbv2.set_rule_priorities(
        RulePriorities=[{"RuleArn": arns[20], "Priority": 10}, {"RuleArn": arns[10], "Priority": 20}]
    )
    swapped = world.elbv2.describe_rules(ListenerArn=listener)["Rules"]
    assert [rule["RuleArn"] for rule in swapped[:2]] == [arns[20], arns[10]]
    default = swapped[2]["RuleArn"]
    assert refusal(world.elbv2.delete_rule, RuleArn=default)[0] == "OperationNotPermitted"
    world.elbv2.delete_rule(RuleArn=arns[10])
    assert refusal(world.elbv2.describe_rules, RuleArns=[arns[10]])[0] == "RuleNotFound"


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ({"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "302"}}, "ValidationError"),
        (
            {
                "Type": "fixed-response",
                "FixedResponseConfig": {"StatusCode": "404", "ContentType": "application/problem+json"},
            },
            "ValidationError",
        ),
        ({"Type": "forward"}, "ValidationError"),
        (
            {
                "Type": "forward",
                "TargetGroupArn": f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/none/0123456789abcdef",
            },
            "TargetGroupNotFound",
        ),
        ({"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}, "InvalidLoadBalancerAction"),
        (
            {"Type": "authenticate-oidc", "Order": 1},
            "InvalidConfigurationRequest",
        ),
    ],
)
def test_actions_that_aws_or_we_cannot_run_are_refused(world: World, action: dict[str, Any], code: str) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_FixedResponseActionConfig.html"""
    arn = world.load_balancer["LoadBalancerArn"]
    given = {"LoadBalancerArn": arn, "Protocol": "HTTP", "Port": 8009, "DefaultActions": [action]}
    assert refusal(world.elbv2.create_listener, **given)[0] == code


def test_weights_have_a_range(world: World) -> None:
    group = world.target_group("weight-range")
    action = {
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": group, "Weight": 1000}]},
    }
    arn = world.load_balancer["LoadBalancerArn"]
    given = {"LoadBalancerArn": arn, "Protocol": "HTTP", "Port": 8009, "DefaultActions": [action]}
    assert refusal(world.elbv2.create_listener, **given)[0] == "ValidationError"


def test_tags_are_added_and_removed_on_every_kind_of_resource(world: World) -> None:
    listener = world.listener(8004)["ListenerArn"]
    condition = {"Field": "path-pattern", "Values": ["/t"]}
    rule = world.elbv2.create_rule(ListenerArn=listener, Priority=1, Conditions=[condition], Actions=[FIXED])
    arns = [listener, rule["Rules"][0]["RuleArn"], world.target_group("tagged"), world.load_balancer["LoadBalancerArn"]]
    world.elbv2.add_tags(ResourceArns=arns, Tags=[{"Key": "one", "Value": "1"}, {"Key": "two", "Value": "2"}])
    world.elbv2.remove_tags(ResourceArns=arns, TagKeys=["two"])
    for description in world.elbv2.describe_tags(ResourceArns=arns)["TagDescriptions"]:
        assert {"Key": "one", "Value": "1"} in description["Tags"]
        assert "two" not in {tag["Key"] for tag in description["Tags"]}


def test_pages_can_be_walked(world: World) -> None:
    for number in range(3):
        world.target_group(f"page-{number}")
    walked = world.elbv2.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 2})
    pages = [page["TargetGroups"] for page in walked]
    assert max(len(page) for page in pages) == 2
    assert {f"page-{number}" for number in range(3)} <= {group["TargetGroupName"] for page in pages for group in page}


def test_target_groups_for_anything_but_functions_are_refused(world: World) -> None:
    code, message = refusal(
        world.elbv2.create_target_group, Name="ip", TargetType="ip", Protocol="HTTP", Port=80, VpcId="vpc-1"
    )
    assert (code, "does not support target groups of type 'ip'" in message) == ("InvalidConfigurationRequest", True)
    code, message = refusal(world.elbv2.create_target_group, Name="port", TargetType="lambda", Port=80)
    assert (code, "Port cannot be specified" in message) == ("ValidationError", True)


def test_operations_that_we_do_not_have_are_named(world: World) -> None:
    code, message = refusal(world.elbv2.describe_account_limits)
    assert (code, "DescribeAccountLimits" in message) == ("InvalidAction", True)


def test_a_role_needs_permission_on_the_very_rule(engine: Any, world: World) -> None:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html"""
    import json

    import boto3

    listener = world.listener(8005)["ListenerArn"]
    rules = [
        world.elbv2.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[{"Field": "path-pattern", "Values": ["/p"]}],
            Actions=[FIXED],
        )["Rules"][0]["RuleArn"]
        for priority in (1, 2)
    ]
    iam = engine.client("iam", account=ACCOUNT)
    iam.create_user(UserName="shifter")
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "elasticloadbalancing:ModifyRule", "Resource": rules[0]}],
    }
    iam.put_user_policy(UserName="shifter", PolicyName="one-rule", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName="shifter")["AccessKey"]
    shifter = boto3.client(
        "elbv2",
        endpoint_url=engine.endpoint,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    shifter.modify_rule(RuleArn=rules[0], Actions=[FIXED])
    assert refusal(shifter.modify_rule, RuleArn=rules[1], Actions=[FIXED])[0] == "AccessDenied"
    assert refusal(shifter.describe_rules, RuleArns=[rules[0]])[0] == "AccessDenied"
