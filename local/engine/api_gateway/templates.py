"""The template types that API Gateway needs here, as calls of its public API.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGateway.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from local.engine.api_gateway import stage_type
from local.engine.registry import Provisioned, Registry, Resource

VALIDATOR = frozenset({"Name", "RestApiId", "ValidateRequestBody", "ValidateRequestParameters"})
DEPLOYMENT = frozenset({"Description", "RestApiId"})
VPC_LINK = frozenset({"Name", "SecurityGroupIds", "SubnetIds", "Tags"})
# What ministack's own handler drops of a method's integration.
INTEGRATION = {"ConnectionId": "/connectionId", "IntegrationTarget": "/integrationTarget"}


def register(registry: Registry) -> None:
    registry.after("AWS::ApiGateway::Method", complete_method)
    registry.supports(
        "AWS::ApiGateway::Method", {"RequestValidatorId", *(f"Integration.{name}" for name in INTEGRATION)}
    )
    registry.resource_type(
        "AWS::ApiGateway::RequestValidator",
        create=create_validator,
        update=update_validator,
        delete=delete_validator,
        properties=VALIDATOR,
    )
    registry.resource_type(
        "AWS::ApiGateway::Deployment",
        create=create_deployment,
        update=update_deployment,
        delete=delete_deployment,
        properties=DEPLOYMENT,
    )
    registry.resource_type(
        "AWS::ApiGateway::Stage",
        create=stage_type.create,
        update=stage_type.update,
        delete=stage_type.delete,
        properties=stage_type.PROPERTIES,
    )
    registry.resource_type(
        "AWS::ApiGatewayV2::VpcLink",
        create=create_link,
        update=update_link,
        delete=delete_link,
        properties=VPC_LINK,
    )


def complete_method(resource: Resource) -> None:
    """Put back what ministack's handler dropped. It puts the whole method anew on every update."""
    properties, client = resource.properties, resource.client("apigateway")
    where = {
        "restApiId": properties["RestApiId"],
        "resourceId": properties["ResourceId"],
        "httpMethod": properties["HttpMethod"],
    }
    if validator := properties.get("RequestValidatorId"):
        client.update_method(**where, patchOperations=_replacements({"/requestValidatorId": validator}))
    integration = properties.get("Integration") or {}
    wanted = {path: integration[name] for name, path in INTEGRATION.items() if integration.get(name)}
    if wanted:
        client.update_integration(**where, patchOperations=_replacements(wanted))


def create_validator(resource: Resource) -> Provisioned:
    properties = resource.properties
    made = resource.client("apigateway").create_request_validator(
        restApiId=properties["RestApiId"],
        name=properties.get("Name", resource.logical_id),
        validateRequestBody=_true(properties.get("ValidateRequestBody")),
        validateRequestParameters=_true(properties.get("ValidateRequestParameters")),
    )
    return Provisioned(physical_id=made["id"], attributes={"RequestValidatorId": made["id"]})


def update_validator(resource: Resource) -> Provisioned:
    new, old = resource.properties, resource.previous
    if (new["RestApiId"], new.get("Name")) != (old["RestApiId"], old.get("Name")):
        return create_validator(resource)
    resource.client("apigateway").update_request_validator(
        restApiId=new["RestApiId"],
        requestValidatorId=resource.physical_id,
        patchOperations=_replacements(
            {
                "/validateRequestBody": str(_true(new.get("ValidateRequestBody"))).lower(),
                "/validateRequestParameters": str(_true(new.get("ValidateRequestParameters"))).lower(),
            }
        ),
    )
    return Provisioned(physical_id=resource.physical_id, attributes={"RequestValidatorId": resource.physical_id})


def delete_validator(resource: Resource) -> None:
    unless_gone(
        resource.client("apigateway").delete_request_validator,
        restApiId=resource.properties["RestApiId"],
        requestValidatorId=resource.physical_id,
    )


def create_deployment(resource: Resource) -> Provisioned:
    made = resource.client("apigateway").create_deployment(
        restApiId=resource.properties["RestApiId"], description=resource.properties.get("Description", "")
    )
    return Provisioned(physical_id=made["id"], attributes={"DeploymentId": made["id"]})


def update_deployment(resource: Resource) -> Provisioned:
    new = resource.properties
    if new["RestApiId"] != resource.previous["RestApiId"]:
        return create_deployment(resource)
    resource.client("apigateway").update_deployment(
        restApiId=new["RestApiId"],
        deploymentId=resource.physical_id,
        patchOperations=_replacements({"/description": new.get("Description", "")}),
    )
    return Provisioned(physical_id=resource.physical_id, attributes={"DeploymentId": resource.physical_id})


def delete_deployment(resource: Resource) -> None:
    unless_gone(
        resource.client("apigateway").delete_deployment,
        restApiId=resource.properties["RestApiId"],
        deploymentId=resource.physical_id,
    )


def create_link(resource: Resource) -> Provisioned:
    properties = resource.properties
    made = resource.client("apigatewayv2").create_vpc_link(
        Name=properties["Name"],
        SubnetIds=properties["SubnetIds"],
        SecurityGroupIds=properties.get("SecurityGroupIds", []),
        Tags={key: str(value) for key, value in properties.get("Tags", {}).items()},
    )
    return Provisioned(physical_id=made["VpcLinkId"], attributes={"VpcLinkId": made["VpcLinkId"]})


def update_link(resource: Resource) -> Provisioned:
    new, old = resource.properties, resource.previous
    if any(new.get(name) != old.get(name) for name in ("SubnetIds", "SecurityGroupIds")):
        return create_link(resource)
    resource.client("apigatewayv2").update_vpc_link(VpcLinkId=resource.physical_id, Name=new["Name"])
    return Provisioned(physical_id=resource.physical_id, attributes={"VpcLinkId": resource.physical_id})


def delete_link(resource: Resource) -> None:
    unless_gone(resource.client("apigatewayv2").delete_vpc_link, VpcLinkId=resource.physical_id)


def unless_gone(call: Callable[..., Any], **parameters: Any) -> None:
    try:
        call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise


def _replacements(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"op": "replace", "path": path, "value": str(value)} for path, value in values.items()]


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
