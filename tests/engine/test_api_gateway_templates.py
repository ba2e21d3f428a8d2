"""A REST API with a private integration through CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGateway.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.balancing import make_network
from tests.engine.embedded import EmbeddedAws, Stack, StackFailedError, template

ACCOUNT = "222222220007"
TYPE = "AWS::ApiGateway::"
OUTPUTS = {"Api": {"Ref": "Api"}, "Deployment": {"Ref": "First"}, "Link": {"Ref": "Link"}}


@dataclass(frozen=True, kw_only=True)
class World:
    engine: EmbeddedAws
    gateway: Any
    subnets: list[str]
    security_group: str

    def resources(
        self, *, deployments: tuple[str, ...] = ("First",), live: str = "First", **more: Any
    ) -> dict[str, Any]:
        """An API whose stage `live` is on deployment `live`, with `more` changes of the stage."""
        api = {"Ref": "Api"}
        stage = {
            "RestApiId": api,
            "StageName": "live",
            "DeploymentId": {"Ref": live},
            "Variables": {"releaseColor": "none"},
            "AccessLogSetting": {"DestinationArn": {"Fn::GetAtt": ["Log", "Arn"]}, "Format": "$context.requestId"},
            "MethodSettings": [
                {
                    "ResourcePath": "/*",
                    "HttpMethod": "*",
                    "MetricsEnabled": "true",
                    "ThrottlingBurstLimit": "100",
                    "ThrottlingRateLimit": "50",
                }
            ],
            "TracingEnabled": "true",
            "Tags": [{"Key": "Project", "Value": "payment"}],
        }
        resources: dict[str, Any] = {
            "Api": {"Type": TYPE + "RestApi", "Properties": {"Name": "templates"}},
            "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {}},
            "Link": {
                "Type": "AWS::ApiGatewayV2::VpcLink",
                "Properties": {
                    "Name": "link",
                    "SubnetIds": self.subnets,
                    "SecurityGroupIds": [self.security_group],
                    "Tags": {"Project": "payment"},
                },
            },
            "Validator": {
                "Type": TYPE + "RequestValidator",
                "Properties": {"RestApiId": api, "ValidateRequestBody": "true", "ValidateRequestParameters": True},
            },
            "Model": {
                "Type": TYPE + "Model",
                "Properties": {
                    "RestApiId": api,
                    "Name": "Payment",
                    "ContentType": "application/json",
                    "Schema": {"$schema": "http://json-schema.org/draft-04/schema#", "type": "object"},
                },
            },
            "Method": {
                "Type": TYPE + "Method",
                "Properties": {
                    "RestApiId": api,
                    "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
                    "HttpMethod": "POST",
                    "AuthorizationType": "AWS_IAM",
                    "RequestValidatorId": {"Ref": "Validator"},
                    "RequestModels": {"application/json": {"Ref": "Model"}},
                    "RequestParameters": {"method.request.header.Idempotency-Key": True},
                    "Integration": {
                        "Type": "HTTP_PROXY",
                        "IntegrationHttpMethod": "POST",
                        "Uri": "https://pay.example.com/payments",
                        "ConnectionType": "VPC_LINK",
                        "ConnectionId": {"Ref": "Link"},
                        "IntegrationTarget": "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/x/1",
                        "TimeoutInMillis": "10000",
                    },
                },
            },
            "Live": {"Type": TYPE + "Stage", "Properties": stage | more},
        }
        for name in deployments:
            resources[name] = {
                "Type": TYPE + "Deployment",
                "DependsOn": ["Method"],
                "DeletionPolicy": "Retain",
                "Properties": {"RestApiId": api, "Description": name},
            }
        return resources

    def stage(self, stack: Stack) -> dict[str, Any]:
        found: dict[str, Any] = self.gateway.get_stage(restApiId=stack.outputs["Api"], stageName="live")
        return found


@pytest.fixture(scope="module")
def world(engine: EmbeddedAws) -> World:
    gateway = engine.client("apigateway", account=ACCOUNT)
    gateway.update_account(
        patchOperations=[
            {"op": "replace", "path": "/cloudwatchRoleArn", "value": f"arn:aws:iam::{ACCOUNT}:role/gateway-logs"}
        ]
    )
    subnets, group = make_network(engine.client("ec2", account=ACCOUNT))
    return World(engine=engine, gateway=gateway, subnets=subnets, security_group=group)


@pytest.fixture
def stack(world: World) -> Iterator[Stack]:
    made = world.engine.deploy(world.resources(), account=ACCOUNT, outputs=OUTPUTS)
    yield made
    made.delete()
    assert world.gateway.get_rest_apis()["items"] == []


def test_nothing_of_a_method_is_lost(world: World, stack: Stack) -> None:
    resource = world.gateway.get_resources(restApiId=stack.outputs["Api"])["items"][0]
    method = world.gateway.get_method(restApiId=stack.outputs["Api"], resourceId=resource["id"], httpMethod="POST")
    assert method["requestValidatorId"] == stack.resources["Validator"]
    assert method["requestModels"] == {"application/json": "Payment"}
    integration = method["methodIntegration"]
    assert integration["connectionId"] == stack.outputs["Link"]
    assert integration["integrationTarget"].endswith(":loadbalancer/app/x/1")
    validator = world.gateway.get_request_validator(
        restApiId=stack.outputs["Api"], requestValidatorId=stack.resources["Validator"]
    )
    assert (validator["validateRequestBody"], validator["validateRequestParameters"]) == (True, True)


def test_a_method_keeps_everything_through_an_update(world: World, stack: Stack) -> None:
    changed = world.resources()
    changed["Method"]["Properties"]["OperationName"] = "CreatePayment"
    stack.update(TemplateBody=template(changed, outputs=OUTPUTS))
    test_nothing_of_a_method_is_lost(world, stack)


def test_nothing_of_a_stage_is_lost(world: World, stack: Stack) -> None:
    stage = world.stage(stack)
    assert stage["deploymentId"] == stack.outputs["Deployment"]
    assert stage["variables"] == {"releaseColor": "none"}
    assert stage["tracingEnabled"] is True
    assert stage["accessLogSettings"]["format"] == "$context.requestId"
    settings = stage["methodSettings"]["*/*"]
    assert (settings["throttlingBurstLimit"], settings["throttlingRateLimit"]) == (100, 50.0)
    assert settings["metricsEnabled"] is True
    assert stage["tags"]["Project"] == "payment"


def test_a_stage_moves_to_another_deployment_and_back_and_the_old_one_is_retained(world: World, stack: Stack) -> None:
    both = ("First", "Second")
    moved = stack.update(TemplateBody=template(world.resources(deployments=both, live="Second"), outputs=OUTPUTS))
    assert world.stage(moved)["deploymentId"] == moved.resources["Second"]
    outputs = {name: value for name, value in OUTPUTS.items() if name != "Deployment"}
    only_second = world.resources(deployments=("Second",), live="Second")
    without = moved.update(TemplateBody=template(only_second, outputs=outputs))
    api, first = without.outputs["Api"], stack.outputs["Deployment"]
    assert "First" not in without.resources
    assert world.gateway.get_deployment(restApiId=api, deploymentId=first)["id"] == first
    pinned = world.resources(deployments=("Second",), live="Second", DeploymentId=first)
    assert world.stage(without.update(TemplateBody=template(pinned, outputs=outputs)))["deploymentId"] == first


def test_a_failed_update_sends_the_stage_back(world: World, stack: Stack) -> None:
    before = world.stage(stack)
    broken = world.resources(deployments=("First", "Second"), live="Second", Variables={"releaseColor": "blue"})
    broken["Duplicate"] = {
        "Type": TYPE + "Stage",
        "DependsOn": ["Live"],
        "Properties": {"RestApiId": {"Ref": "Api"}, "StageName": "live", "DeploymentId": {"Ref": "First"}},
    }
    with pytest.raises(StackFailedError, match="Stage already exists"):
        stack.update(TemplateBody=template(broken, outputs=OUTPUTS))
    after = world.stage(stack)
    for name in ("deploymentId", "variables", "accessLogSettings", "methodSettings"):
        assert after[name] == before[name]


def test_what_is_taken_out_of_a_stage_is_gone(world: World, stack: Stack) -> None:
    bare = world.resources(Variables={"other": "x"}, MethodSettings=[])
    del bare["Live"]["Properties"]["AccessLogSetting"]
    stage = world.stage(stack.update(TemplateBody=template(bare, outputs=OUTPUTS)))
    assert stage["variables"] == {"other": "x"}
    assert not stage.get("accessLogSettings", {}).get("destinationArn")
    assert "throttlingRateLimit" not in stage["methodSettings"].get("*/*", {})


def test_a_deployment_before_its_methods_is_refused_for_what_it_lacks(world: World) -> None:
    """Without DependsOn a deployment may freeze an API that has no integration yet; AWS refuses that too."""
    resources = {
        "Api": {"Type": TYPE + "RestApi", "Properties": {"Name": "early"}},
        "Method": {
            "Type": TYPE + "Method",
            "Properties": {
                "RestApiId": {"Ref": "Api"},
                "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
                "HttpMethod": "GET",
                "AuthorizationType": "NONE",
            },
        },
        "Deployment": {
            "Type": TYPE + "Deployment",
            "DependsOn": ["Method"],
            "Properties": {"RestApiId": {"Ref": "Api"}},
        },
    }
    with pytest.raises(StackFailedError, match="without an integration"):
        world.engine.deploy(resources, account=ACCOUNT)


def test_vpc_links_are_listed_renamed_and_deleted(world: World) -> None:
    """https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/vpclinks.html"""
    links = world.engine.client("apigatewayv2", account=ACCOUNT)
    made = links.create_vpc_link(Name="one", SubnetIds=world.subnets, SecurityGroupIds=[], Tags={"a": "b"})
    assert (made["VpcLinkStatus"], made["VpcLinkVersion"]) == ("AVAILABLE", "V2")
    links.update_vpc_link(VpcLinkId=made["VpcLinkId"], Name="two")
    assert [link["Name"] for link in links.get_vpc_links()["Items"]] == ["two"]
    links.delete_vpc_link(VpcLinkId=made["VpcLinkId"])
    with pytest.raises(ClientError) as refused:
        links.get_vpc_link(VpcLinkId=made["VpcLinkId"])
    assert refused.value.response["Error"]["Code"] == "NotFoundException"
    with pytest.raises(ClientError, match="Invalid subnet"):
        links.create_vpc_link(Name="none", SubnetIds=["subnet-00000000000000000"])
