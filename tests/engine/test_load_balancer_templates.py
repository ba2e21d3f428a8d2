"""Load balancers through CloudFormation: created, changed in place, sent back and deleted.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ElasticLoadBalancingV2.html
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.engine.balancing import make_function, make_network, send
from tests.engine.embedded import EmbeddedAws, Stack, StackFailedError, template

ACCOUNT = "222222220006"
TYPE = "AWS::ElasticLoadBalancingV2::"


@dataclass(frozen=True, kw_only=True)
class World:
    engine: EmbeddedAws
    elbv2: Any
    subnets: list[str]
    security_group: str
    certificate: str
    function: str

    def resources(self, **changes: Any) -> dict[str, Any]:
        """A load balancer with a weighted rule. CloudFormation hands numbers and booleans on as text."""
        values = {"blue": "100", "green": "0", "priority": "110", "path": "/payments", "idle": "60"} | changes
        resources: dict[str, Any] = {
            "Balancer": {
                "Type": TYPE + "LoadBalancer",
                "Properties": {
                    "Name": "templates",
                    "Scheme": "internal",
                    "Subnets": self.subnets,
                    "SecurityGroups": [self.security_group],
                    "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": values["idle"]}],
                    "Tags": [{"Key": "Project", "Value": "payment"}],
                },
            },
            "Listener": {
                "Type": TYPE + "Listener",
                "Properties": {
                    "LoadBalancerArn": {"Ref": "Balancer"},
                    "Port": "443",
                    "Protocol": "HTTPS",
                    "Certificates": [{"CertificateArn": self.certificate}],
                    "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
                    "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
                },
            },
            "Rule": {
                "Type": TYPE + "ListenerRule",
                "Properties": {
                    "ListenerArn": {"Ref": "Listener"},
                    "Priority": values["priority"],
                    "Conditions": [{"Field": "path-pattern", "PathPatternConfig": {"Values": [values["path"]]}}],
                    "Actions": [
                        {
                            "Type": "forward",
                            "ForwardConfig": {
                                "TargetGroups": [
                                    {"TargetGroupArn": {"Ref": "Blue"}, "Weight": values["blue"]},
                                    {"TargetGroupArn": {"Ref": "Green"}, "Weight": values["green"]},
                                ]
                            },
                        }
                    ],
                },
            },
        }
        for colour in ("Blue", "Green"):
            alias = f"{self.function}:{colour.lower()}"
            resources[colour] = {
                "Type": TYPE + "TargetGroup",
                "DependsOn": [f"{colour}Permission"],
                "Properties": {"TargetType": "lambda", "Targets": [{"Id": alias}]},
            }
            resources[f"{colour}Permission"] = {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "Action": "lambda:InvokeFunction",
                    "FunctionName": alias,
                    "Principal": "elasticloadbalancing.amazonaws.com",
                    "SourceAccount": ACCOUNT,
                },
            }
        return resources

    def rule(self, stack: Stack) -> dict[str, Any]:
        found: dict[str, Any] = self.elbv2.describe_rules(RuleArns=[stack.resources["Rule"]])["Rules"][0]
        return found

    def answered_by(self, stack: Stack, path: str = "/payments") -> str:
        answer = send(self.engine.endpoint, host=stack.outputs["Host"], path=path)
        return str(answer.json()["arn"]).rpartition(":")[2] if answer.status == 200 else str(answer.status)


OUTPUTS = {
    "Host": {"Fn::GetAtt": ["Balancer", "DNSName"]},
    "FullName": {"Fn::GetAtt": ["Balancer", "LoadBalancerFullName"]},
    "Zone": {"Fn::GetAtt": ["Balancer", "CanonicalHostedZoneID"]},
    "BlueName": {"Fn::GetAtt": ["Blue", "TargetGroupFullName"]},
    "Listener": {"Fn::GetAtt": ["Listener", "ListenerArn"]},
}


@pytest.fixture(scope="module")
def world(engine: EmbeddedAws) -> World:
    subnets, group = make_network(engine.client("ec2", account=ACCOUNT))
    certificate = engine.client("acm", account=ACCOUNT).request_certificate(DomainName="pay.example.com")
    functions = engine.client("lambda", account=ACCOUNT)
    return World(
        engine=engine,
        elbv2=engine.client("elbv2", account=ACCOUNT),
        subnets=subnets,
        security_group=group,
        certificate=certificate["CertificateArn"],
        function=make_function(engine.client("iam", account=ACCOUNT), functions, name="templated"),
    )


@pytest.fixture
def stack(world: World) -> Iterator[Stack]:
    made = world.engine.deploy(world.resources(), account=ACCOUNT, outputs=OUTPUTS)
    yield made
    made.delete()
    assert world.elbv2.describe_load_balancers()["LoadBalancers"] == []
    assert world.elbv2.describe_target_groups()["TargetGroups"] == []


def test_attributes_are_those_of_aws_and_traffic_flows(world: World, stack: Stack) -> None:
    balancer, blue = stack.resources["Balancer"], stack.resources["Blue"]
    assert stack.outputs["FullName"] == balancer.partition(":loadbalancer/")[2]
    assert stack.outputs["BlueName"] == blue.rpartition(":")[2]
    assert len(blue.split("/")[1]) <= 32
    assert stack.outputs["Zone"] == "Z35SXDOTRQ7X7K"
    assert stack.outputs["Listener"] == stack.resources["Listener"]
    weights = [group["Weight"] for group in world.rule(stack)["Actions"][0]["ForwardConfig"]["TargetGroups"]]
    assert weights == [100, 0]
    assert world.answered_by(stack) == "blue"


def test_updates_happen_in_place(world: World, stack: Stack) -> None:
    changed = world.resources(blue="0", green="100", priority="120", path="/other", idle="30")
    changed["Balancer"]["Properties"]["Tags"] = [{"Key": "Owner", "Value": "team"}]
    updated = stack.update(TemplateBody=template(changed, outputs=OUTPUTS))
    assert updated.resources == stack.resources
    assert world.rule(updated)["Priority"] == "120"
    assert (world.answered_by(updated, "/other"), world.answered_by(updated)) == ("green", "404")
    balancer = updated.resources["Balancer"]
    described = world.elbv2.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "30"} in described
    tags = world.elbv2.describe_tags(ResourceArns=[balancer])["TagDescriptions"][0]["Tags"]
    assert [tag for tag in tags if not tag["Key"].startswith("aws:")] == [{"Key": "Owner", "Value": "team"}]


def test_an_attribute_taken_out_of_the_template_goes_back_to_its_default(world: World, stack: Stack) -> None:
    world.elbv2.describe_load_balancers()
    changed = world.resources(idle="30")
    stack.update(TemplateBody=template(changed, outputs=OUTPUTS))
    del changed["Balancer"]["Properties"]["LoadBalancerAttributes"]
    stack.update(TemplateBody=template(changed, outputs=OUTPUTS))
    described = world.elbv2.describe_load_balancer_attributes(LoadBalancerArn=stack.resources["Balancer"])
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "60"} in described["Attributes"]


def test_a_failed_update_sends_weights_conditions_and_targets_back(world: World, stack: Stack) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html"""
    before = copy.deepcopy(world.rule(stack))
    broken = world.resources(blue="1", green="99", path="/elsewhere")
    broken["Clash"] = copy.deepcopy(broken["Rule"]) | {"DependsOn": ["Rule"]}
    with pytest.raises(StackFailedError, match="PriorityInUse"):
        stack.update(TemplateBody=template(broken, outputs=OUTPUTS))
    assert world.rule(stack) == before
    assert world.answered_by(stack) == "blue"


def test_a_resource_that_fails_half_way_is_left_as_it_was(world: World, stack: Stack) -> None:
    """The new target has no permission: the group keeps its attributes and its old target."""
    broken = world.resources()
    broken["Blue"]["Properties"] |= {
        "Targets": [{"Id": world.function}],
        "TargetGroupAttributes": [{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}],
    }
    with pytest.raises(StackFailedError, match="does not have permission to invoke"):
        stack.update(TemplateBody=template(broken, outputs=OUTPUTS))
    blue = stack.resources["Blue"]
    described = world.elbv2.describe_target_group_attributes(TargetGroupArn=blue)["Attributes"]
    assert {"Key": "lambda.multi_value_headers.enabled", "Value": "false"} in described
    assert world.answered_by(stack) == "blue"


def test_a_group_created_without_permission_leaves_nothing_behind(world: World) -> None:
    group = {
        "Type": TYPE + "TargetGroup",
        "Properties": {"TargetType": "lambda", "Targets": [{"Id": f"{world.function}:blue"}]},
    }
    with pytest.raises(StackFailedError, match="does not have permission to invoke"):
        world.engine.deploy({"Group": group}, account=ACCOUNT)
    assert world.elbv2.describe_target_groups()["TargetGroups"] == []


def test_properties_without_behaviour_are_refused(world: World) -> None:
    group = {"Type": TYPE + "TargetGroup", "Properties": {"TargetType": "lambda", "ProtocolVersion": "HTTP2"}}
    with pytest.raises(StackFailedError, match="ProtocolVersion"):
        world.engine.deploy({"Group": group}, account=ACCOUNT)


def test_more_certificates_can_be_attached(world: World, stack: Stack) -> None:
    acm = world.engine.client("acm", account=ACCOUNT)
    extra = acm.request_certificate(DomainName="more.example.com")["CertificateArn"]
    with_extra = world.resources()
    with_extra["More"] = {
        "Type": TYPE + "ListenerCertificate",
        "Properties": {"ListenerArn": {"Ref": "Listener"}, "Certificates": [{"CertificateArn": extra}]},
    }
    stack.update(TemplateBody=template(with_extra, outputs=OUTPUTS))
    listener = stack.resources["Listener"]

    def attached() -> list[str]:
        found = world.elbv2.describe_listener_certificates(ListenerArn=listener)["Certificates"]
        return [item["CertificateArn"] for item in found if not item["IsDefault"]]

    assert attached() == [extra]
    stack.update(TemplateBody=template(world.resources(), outputs=OUTPUTS))
    assert attached() == []
