"""Lambda functions: the properties that ministack's template type drops."""

from __future__ import annotations

from typing import Any

from local.engine.registry import Registry, Resource
from local.engine.resource_types.values import present

DROPPED_CONFIGURATION = {"VpcConfig": "VpcConfig", "DeadLetterConfig": "DeadLetterConfig", "KmsKeyArn": "KMSKeyArn"}
EMPTY: dict[str, Any] = {
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    "DeadLetterConfig": {"TargetArn": ""},
    "KmsKeyArn": "",
}
VPC_FIELDS = ("SubnetIds", "SecurityGroupIds", "Ipv6AllowedForDualStack")


def register(registry: Registry) -> None:
    registry.after("AWS::Lambda::Function", apply_dropped_properties)
    registry.after("AWS::Lambda::EventSourceMapping", tag_event_source)
    registry.supports("AWS::Lambda::EventSourceMapping", {"Tags"})
    registry.supports("AWS::Lambda::Function", {*DROPPED_CONFIGURATION, "ReservedConcurrentExecutions"})


def apply_dropped_properties(resource: Resource) -> None:
    _set_concurrency(resource)
    configuration = {
        argument: resource.properties.get(name) or EMPTY[name]
        for name, argument in DROPPED_CONFIGURATION.items()
        if resource.properties.get(name) != resource.previous.get(name)
    }
    if "VpcConfig" in configuration:
        configuration["VpcConfig"] = present(configuration["VpcConfig"], *VPC_FIELDS)
    if configuration:
        resource.client("lambda").update_function_configuration(FunctionName=resource.physical_id, **configuration)


def tag_event_source(resource: Resource) -> None:
    arn = resource.arn("lambda", f"event-source-mapping:{resource.physical_id}")
    wanted = {tag["Key"]: tag["Value"] for tag in resource.properties.get("Tags", [])}
    dropped = {tag["Key"] for tag in resource.previous.get("Tags", [])} - set(wanted)
    if dropped:
        resource.client("lambda").untag_resource(Resource=arn, TagKeys=sorted(dropped))
    if wanted:
        resource.client("lambda").tag_resource(Resource=arn, Tags=wanted)


def _set_concurrency(resource: Resource) -> None:
    client = resource.client("lambda")
    reserved = resource.properties.get("ReservedConcurrentExecutions")
    if reserved is not None:
        client.put_function_concurrency(FunctionName=resource.physical_id, ReservedConcurrentExecutions=int(reserved))
    elif resource.previous.get("ReservedConcurrentExecutions") is not None:
        client.delete_function_concurrency(FunctionName=resource.physical_id)
