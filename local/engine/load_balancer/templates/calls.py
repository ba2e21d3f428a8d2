"""What the template types share: properties in the API's types, attributes, tags, names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from typing import Any

from botocore.exceptions import ClientError

from local.engine import inprocess
from local.engine.load_balancer import protocol
from local.engine.registry import Properties, Resource


def elbv2(resource: Resource) -> Any:
    return resource.client("elbv2")


def parameters_of(properties: Properties, operation: str) -> dict[str, Any]:
    """The properties that `operation` takes under the same name, in its types."""
    shape = inprocess.service_model("elbv2").operation_model(operation).input_shape
    names = shape.members if shape else {}
    return coerced(operation, {name: value for name, value in properties.items() if name in names})


def coerced(operation: str, values: Properties) -> dict[str, Any]:
    shape = inprocess.service_model("elbv2").operation_model(operation).input_shape
    result: dict[str, Any] = protocol.coerce(shape, values) if shape else {}
    return result


def whole_attributes(defaults: Properties, given: Collection[Properties] | None) -> list[dict[str, str]]:
    """The template's attributes over the defaults: one that is taken out of the template goes back."""
    values = {**defaults, **{item["Key"]: str(item["Value"]) for item in given or ()}}
    return [{"Key": key, "Value": value} for key, value in values.items()]


def sync_tags(client: Any, arn: str, new: Properties, old: Properties) -> None:
    wanted = {tag["Key"]: str(tag["Value"]) for tag in new.get("Tags", [])}
    before = {tag["Key"]: str(tag["Value"]) for tag in old.get("Tags", [])}
    if gone := sorted(before.keys() - wanted.keys()):
        client.remove_tags(ResourceArns=[arn], TagKeys=gone)
    if wanted != before and wanted:
        client.add_tags(ResourceArns=[arn], Tags=[{"Key": key, "Value": value} for key, value in wanted.items()])


def physical_name(resource: Resource) -> str:
    """The template's name, or `<stack>-<logical id>-<suffix>` cut to the 32 characters that AWS allows."""
    if given := resource.properties.get("Name"):
        return str(given)
    seed = f"{resource.stack_name}/{resource.logical_id}/{sorted(map(str, resource.properties.items()))}"
    suffix = hashlib.sha256(seed.encode()).hexdigest()[:12]
    return f"{resource.stack_name[:9]}-{resource.logical_id[:9]}".strip("-") + f"-{suffix}"


def unless_gone(call: Callable[..., Any], code: str, **parameters: Any) -> None:
    try:
        call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
