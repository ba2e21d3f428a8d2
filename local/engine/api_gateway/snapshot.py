"""What a deployment froze of an API: its routes, models, responses and resource policy.

A stage serves its deployment's snapshot; later changes of the API wait for the next deployment.
https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft4Validator

from local.engine.api_gateway import schemas

AUTHORIZATIONS = ("NONE", "AWS_IAM")
ANY_CONTENT = "$default"
Shape = Mapping[str, Any]


class NotSupportedError(ValueError):
    """The API uses something that the embedded API Gateway cannot serve; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Integration:
    """A private integration: HTTP_PROXY over a VPC link to a load balancer."""

    method: str
    uri: str
    connection_id: str
    target: str
    parameters: Mapping[str, str]
    timeout_seconds: float


@dataclass(frozen=True, kw_only=True)
class Method:
    resource_path: str
    resource_id: str
    authorization: str
    required: Sequence[str]
    validate_parameters: bool
    validators: Mapping[str, Draft4Validator]
    integration: Integration


@dataclass
class Node:
    """One path part; `greedy` is a `{name+}` child."""

    name: str = ""
    literals: dict[str, Node] = field(default_factory=dict)
    parameter: Node | None = None
    greedy: Node | None = None
    methods: dict[str, Method] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    api_id: str
    api_name: str
    account: str
    region: str
    policy: Shape | None
    root: Node
    responses: Mapping[str, Shape]

    def route(self, method: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method for a request and its path parameters (decoded), the most specific resource first."""
        segments = [unquote(part) for part in path.split("/") if part]
        return _find(self.root, segments, method, {})


def build(
    *,
    account: str,
    region: str,
    api: Shape,
    resources: Sequence[Shape],
    models: Sequence[Shape],
    validators: Sequence[Shape],
    responses: Sequence[Shape],
) -> Snapshot:
    """Freeze an API from its descriptions. Raises `NotSupportedError` or `schemas.InvalidModelError`."""
    compiled = schemas.compiled({model["name"]: model.get("schema", "") for model in models}, api_id=api["id"])
    by_id = {validator["id"]: validator for validator in validators}
    root = Node()
    for resource in resources:
        node = root
        for part in [part for part in resource["path"].split("/") if part]:
            node = _child(node, part)
        for verb, method in (resource.get("resourceMethods") or {}).items():
            node.methods[verb] = _method(resource, verb, method, compiled, by_id)
    return Snapshot(
        api_id=api["id"],
        api_name=api["name"],
        account=account,
        region=region,
        policy=_policy(api.get("policy"), account=account, region=region, api_id=api["id"]),
        root=root,
        responses={response["responseType"]: response for response in responses},
    )


def _method(
    resource: Shape, verb: str, method: Shape, compiled: Mapping[str, Draft4Validator], validators: Mapping[str, Shape]
) -> Method:
    where = f"{verb} {resource['path']}"
    authorization = method.get("authorizationType", "NONE")
    if authorization not in AUTHORIZATIONS:
        raise NotSupportedError(f"authorization {authorization} of {where}")
    if _true(method.get("apiKeyRequired")):
        raise NotSupportedError(f"the API key of {where}")
    validator = validators.get(method.get("requestValidatorId") or "", {})
    return Method(
        resource_path=resource["path"],
        resource_id=resource["id"],
        authorization=authorization,
        required=[name for name, needed in (method.get("requestParameters") or {}).items() if _true(needed)],
        validate_parameters=_true(validator.get("validateRequestParameters")),
        validators=_validators(where, method, compiled) if _true(validator.get("validateRequestBody")) else {},
        integration=_integration(where, method.get("methodIntegration") or {}),
    )


def _validators(where: str, method: Shape, compiled: Mapping[str, Draft4Validator]) -> dict[str, Draft4Validator]:
    wanted = method.get("requestModels") or {}
    if unknown := sorted(set(wanted.values()) - set(compiled)):
        raise NotSupportedError(f"model {unknown[0]} of {where}, which does not exist")
    return {content_type.lower(): compiled[name] for content_type, name in wanted.items()}


def _integration(where: str, integration: Shape) -> Integration:
    if not integration:
        raise NotSupportedError(f"{where} without an integration")
    kind, connection = integration.get("type"), integration.get("connectionType")
    if (kind, connection) != ("HTTP_PROXY", "VPC_LINK"):
        raise NotSupportedError(f"integration {kind} over {connection} of {where}")
    if not integration.get("integrationTarget"):
        raise NotSupportedError(f"the private integration of {where} without a load balancer as integration target")
    return Integration(
        method=integration.get("httpMethod") or "",
        uri=integration["uri"],
        connection_id=integration.get("connectionId") or "",
        target=integration["integrationTarget"],
        parameters=dict(integration.get("requestParameters") or {}),
        timeout_seconds=int(integration.get("timeoutInMillis") or 29_000) / 1000,
    )


def _child(node: Node, part: str) -> Node:
    if part.startswith("{") and part.endswith("+}"):
        node.greedy = node.greedy or Node(name=part[1:-2])
        return node.greedy
    if part.startswith("{") and part.endswith("}"):
        node.parameter = node.parameter or Node(name=part[1:-1])
        return node.parameter
    return node.literals.setdefault(part, Node(name=part))


def _find(
    node: Node, segments: Sequence[str], verb: str, parameters: dict[str, str]
) -> tuple[Method, dict[str, str]] | None:
    """Resource and method are matched as a pair: a node that lacks the method leaves it to a less specific one."""
    if not segments:
        method = node.methods.get(verb) or node.methods.get("ANY")
        return (method, parameters) if method else None
    first, rest = segments[0], segments[1:]
    literal, parameter = node.literals.get(first), node.parameter
    if literal and (found := _find(literal, rest, verb, parameters)):
        return found
    if parameter and (found := _find(parameter, rest, verb, {**parameters, parameter.name: first})):
        return found
    if node.greedy:
        return _find(node.greedy, (), verb, {**parameters, node.greedy.name: "/".join(segments)})
    return None


def _policy(policy: Any, *, account: str, region: str, api_id: str) -> Shape | None:
    """The resource policy with `execute-api:/…` spelled out. API Gateway describes it as an escaped string."""
    if not policy:
        return None
    text = json.dumps(policy) if isinstance(policy, dict) else json.loads(f'"{policy}"')
    spelled: Shape = json.loads(text.replace('"execute-api:/', f'"arn:aws:execute-api:{region}:{account}:{api_id}/'))
    return spelled


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
