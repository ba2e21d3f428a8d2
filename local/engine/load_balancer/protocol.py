"""The AWS query protocol, both ways, driven by botocore's description of the service.

Reference: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

from local.engine.load_balancer.errors import ApiError, validation
from local.engine.registry import Response

Tree = dict[str, Any]


def parse(model: ServiceModel, form: str) -> tuple[str, dict[str, Any]]:
    """The operation's name and its typed parameters. Raises `ApiError` for what the service does not know."""
    fields = dict(parse_qsl(form, keep_blank_values=True))
    operation, version = fields.pop("Action", ""), fields.pop("Version", model.api_version)
    if version != model.api_version or operation not in model.operation_names:
        raise ApiError("InvalidAction", f"Could not find operation {operation} for version {version}")
    shape = model.operation_model(operation).input_shape
    return operation, coerce(shape, _unflatten(_tree(fields), shape)) if shape else {}


def render(operation: OperationModel, result: Mapping[str, Any]) -> Response:
    """A successful answer; `result` has the members of the operation's output shape."""
    namespace = operation.service_model.metadata["xmlNamespace"]
    root = ElementTree.Element(f"{operation.name}Response", xmlns=namespace)
    inside = ElementTree.SubElement(root, f"{operation.name}Result")
    if operation.output_shape is not None:
        _write(inside, operation.output_shape, result)
    request_id = str(uuid.uuid4())
    metadata = ElementTree.SubElement(root, "ResponseMetadata")
    ElementTree.SubElement(metadata, "RequestId").text = request_id
    return _xml(200, root, request_id)


def render_error(model: ServiceModel, error: ApiError) -> Response:
    root = ElementTree.Element("ErrorResponse", xmlns=model.metadata["xmlNamespace"])
    inside = ElementTree.SubElement(root, "Error")
    for name, value in (("Type", "Sender"), ("Code", error.code), ("Message", error.message)):
        ElementTree.SubElement(inside, name).text = value
    request_id = str(uuid.uuid4())
    ElementTree.SubElement(root, "RequestId").text = request_id
    return _xml(error.status, root, request_id)


def coerce(shape: Shape, value: Any, *, path: str = "") -> Any:
    """`value` in the types of `shape`: CloudFormation and forms write numbers and booleans as text.

    Raises `ApiError` (ValidationError) for an unknown member or a value of the wrong type.
    """
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            raise validation(f"{path or shape.name} must be a structure")
        unknown = sorted(set(value) - set(shape.members))
        if unknown:
            raise validation(f"Unknown parameter {path + '.' if path else ''}{unknown[0]}")
        return {name: coerce(shape.members[name], item, path=f"{path}.{name}") for name, item in value.items()}
    if isinstance(shape, ListShape):
        if not isinstance(value, list | tuple):
            raise validation(f"{path} must be a list")
        return [coerce(shape.member, item, path=path) for item in value]
    return _scalar(shape, value, path)


def _scalar(shape: Shape, value: Any, path: str) -> Any:
    if isinstance(value, Mapping | list):
        raise validation(f"{path} must be a {shape.type_name}")
    if shape.type_name in ("integer", "long"):
        try:
            return int(value)
        except ValueError:
            raise validation(f"{path} must be an integer, not '{value}'") from None
    if shape.type_name == "boolean":
        if str(value).lower() not in ("true", "false"):
            raise validation(f"{path} must be true or false, not '{value}'")
        return str(value).lower() == "true"
    return str(value)


def _tree(fields: Mapping[str, str]) -> Tree:
    """`{"A.member.1.B": "x"}` as nested dicts."""
    root: Tree = {}
    for name, value in fields.items():
        node = root
        *parents, leaf = name.split(".")
        for part in parents:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise validation(f"Malformed parameter {name}")
        node[leaf] = value
    return root


def _unflatten(node: Any, shape: Shape) -> Any:
    if isinstance(shape, ListShape):
        if node == "":
            return []
        members = node.get("member", {}) if isinstance(node, dict) else {}
        return [_unflatten(members[key], shape.member) for key in sorted(members, key=int)]
    if isinstance(shape, StructureShape) and isinstance(node, dict):
        return {
            name: _unflatten(item, shape.members[name]) if name in shape.members else item
            for name, item in node.items()
        }
    return node


def _write(parent: ElementTree.Element, shape: Shape, value: Any) -> None:
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                _write(ElementTree.SubElement(parent, name), member, value[name])
    elif isinstance(shape, ListShape):
        for item in value:
            _write(ElementTree.SubElement(parent, "member"), shape.member, item)
    elif isinstance(value, bool):
        parent.text = "true" if value else "false"
    elif isinstance(value, datetime):
        parent.text = value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    else:
        parent.text = str(value)


def _xml(status: int, root: ElementTree.Element, request_id: str) -> Response:
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(status=status, headers={"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body=body)
