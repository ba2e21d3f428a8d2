"""The template type AWS::ApiGateway::Stage.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-stage.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.engine.registry import Properties, Provisioned, Resource

PROPERTIES = frozenset(
    {
        "AccessLogSetting",
        "DeploymentId",
        "Description",
        "MethodSettings",
        "RestApiId",
        "StageName",
        "Tags",
        "TracingEnabled",
        "Variables",
    }
)
METHOD_SETTINGS = {
    "DataTraceEnabled": "logging/dataTrace",
    "LoggingLevel": "logging/loglevel",
    "MetricsEnabled": "metrics/enabled",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
}
Settings = Mapping[str, str]


class UnsupportedSettingError(ValueError):
    """The template sets something on a method that the embedded API Gateway would ignore."""


def create(resource: Resource) -> Provisioned:
    properties, client = resource.properties, resource.client("apigateway")
    client.create_stage(
        restApiId=properties["RestApiId"],
        stageName=properties["StageName"],
        deploymentId=properties["DeploymentId"],
        description=properties.get("Description", ""),
        variables={key: str(value) for key, value in properties.get("Variables", {}).items()},
        tracingEnabled=str(properties.get("TracingEnabled")).lower() == "true",
        tags=_tags(properties),
    )
    try:
        _patch(resource, {}, _settings(properties))
    except Exception:
        # CloudFormation never learns of a resource whose creation raised, so nobody else would remove it.
        delete(resource)
        raise
    return Provisioned(physical_id=properties["StageName"])


def update(resource: Resource) -> Provisioned:
    new, old = resource.properties, resource.previous
    if (new["RestApiId"], new["StageName"]) != (old["RestApiId"], old["StageName"]):
        return create(resource)
    before, after = _values(old) | _settings(old), _values(new) | _settings(new)
    _patch(resource, before, after)
    _retag(resource)
    return Provisioned(physical_id=new["StageName"])


def delete(resource: Resource) -> None:
    try:
        resource.client("apigateway").delete_stage(
            restApiId=resource.properties["RestApiId"], stageName=resource.properties["StageName"]
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise


def _patch(resource: Resource, before: Settings, after: Settings) -> None:
    """Send what changed. One call, so that a refusal changes nothing."""
    operations = [
        {"op": "replace", "path": path, "value": value} for path, value in after.items() if before.get(path) != value
    ] + [{"op": "remove", "path": path} for path in before if path not in after]
    if operations:
        resource.client("apigateway").update_stage(
            restApiId=resource.properties["RestApiId"],
            stageName=resource.properties["StageName"],
            patchOperations=operations,
        )


def _values(properties: Properties) -> dict[str, str]:
    return {
        "/deploymentId": properties["DeploymentId"],
        "/description": properties.get("Description", ""),
        "/tracingEnabled": str(properties.get("TracingEnabled", False)).lower(),
        **{f"/variables/{name}": str(value) for name, value in properties.get("Variables", {}).items()},
    }


def _settings(properties: Properties) -> dict[str, str]:
    """Access log and method settings as paths of UpdateStage."""
    result = {}
    if log := properties.get("AccessLogSetting"):
        result["/accessLogSettings/destinationArn"] = log["DestinationArn"]
        result["/accessLogSettings/format"] = log["Format"]
    for setting in properties.get("MethodSettings", []):
        resource_path, verb = setting.get("ResourcePath", "/*"), setting.get("HttpMethod", "*")
        where = "*/*" if (resource_path, verb) == ("/*", "*") else f"{_escaped(resource_path)}/{verb}"
        given = {name: value for name, value in setting.items() if name not in ("ResourcePath", "HttpMethod")}
        if unknown := sorted(set(given) - set(METHOD_SETTINGS)):
            raise UnsupportedSettingError(f"the embedded API Gateway has no behaviour for MethodSettings {unknown[0]}")
        for name, value in given.items():
            result[f"/{where}/{METHOD_SETTINGS[name]}"] = str(value).lower() if _is_flag(value) else str(value)
    return result


def _escaped(resource_path: str) -> str:
    return resource_path.replace("~", "~0").replace("/", "~1")


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or str(value) in ("True", "False")


def _tags(properties: Properties) -> dict[str, str]:
    return {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags", [])}


def _retag(resource: Resource) -> None:
    new, old = _tags(resource.properties), _tags(resource.previous)
    api, stage = resource.properties["RestApiId"], resource.properties["StageName"]
    arn = f"arn:aws:apigateway:{resource.region}::/restapis/{api}/stages/{stage}"
    client = resource.client("apigateway")
    if gone := sorted(old.keys() - new.keys()):
        client.untag_resource(resourceArn=arn, tagKeys=gone)
    if new != old and new:
        client.tag_resource(resourceArn=arn, tags=new)
