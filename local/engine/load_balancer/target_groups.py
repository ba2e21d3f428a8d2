"""Operations on target groups and their targets (Lambda functions; other kinds are refused by name).

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

import re

from local.engine.load_balancer import attributes, health, permissions, tags
from local.engine.load_balancer.errors import ApiError, unsupported, validation
from local.engine.load_balancer.model import Shape, State, Target, TargetGroup, arn, identifier
from local.engine.load_balancer.paging import page

_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)")
_FUNCTION = re.compile(r"arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9-_]+(:[A-Za-z0-9-_$]+)?")
HEALTH_CHECK_DEFAULTS: Shape = {
    "HealthCheckEnabled": False,
    "HealthCheckPath": "/",
    "HealthCheckIntervalSeconds": 35,
    "HealthCheckTimeoutSeconds": 30,
    "HealthyThresholdCount": 5,
    "UnhealthyThresholdCount": 2,
    "Matcher": {"HttpCode": "200"},
}


async def create(state: State, parameters: Shape) -> Shape:
    name = parameters["Name"]
    if parameters.get("TargetType", "instance") != "lambda":
        raise unsupported(f"target groups of type '{parameters.get('TargetType', 'instance')}'")
    if not _NAME.fullmatch(name):
        raise validation(f"Target group name '{name}' must have 1 to 32 letters, digits and hyphens")
    for member in ("Protocol", "Port", "VpcId", "ProtocolVersion", "HealthCheckProtocol", "HealthCheckPort"):
        if member in parameters:
            raise validation(f"{member} cannot be specified for target groups with target type 'lambda'")
    if any(group.name == name for group in state.target_groups.values()):
        raise ApiError(
            "DuplicateTargetGroupName",
            f"A target group with the same name '{name}' exists, but with different settings",
        )
    group = TargetGroup(
        arn=arn(f"targetgroup/{name}/{identifier()}"),
        name=name,
        health_check=_health_check(HEALTH_CHECK_DEFAULTS, parameters),
        attributes=dict(attributes.TARGET_GROUP),
        tags=tags.parsed(parameters.get("Tags", [])),
    )
    state.target_groups[group.arn] = group
    return {"TargetGroups": [described(state, group)]}


async def describe(state: State, parameters: Shape) -> Shape:
    names, arns, user = (parameters.get(key) for key in ("Names", "TargetGroupArns", "LoadBalancerArn"))
    if user is not None:
        state.load_balancer(user)
    found = [
        group
        for group in state.target_groups.values()
        if (names is None or group.name in names)
        and (arns is None or group.arn in arns)
        and (user is None or user in state.load_balancers_using(group.arn))
    ]
    if set(names or []) - {group.name for group in found} or set(arns or []) - {group.arn for group in found}:
        raise ApiError("TargetGroupNotFound", "One or more target groups not found")
    return page("TargetGroups", [described(state, group) for group in found], parameters)


async def modify(state: State, parameters: Shape) -> Shape:
    group = state.target_group(parameters["TargetGroupArn"])
    for member in ("HealthCheckProtocol", "HealthCheckPort"):
        if member in parameters:
            raise validation(f"{member} cannot be specified for target groups with target type 'lambda'")
    group.health_check = _health_check(group.health_check, parameters)
    return {"TargetGroups": [described(state, group)]}


async def delete(state: State, parameters: Shape) -> Shape:
    """Delete a target group; succeeds when it is gone already, as on AWS."""
    group_arn = parameters["TargetGroupArn"]
    if state.load_balancers_using(group_arn):
        raise ApiError("ResourceInUse", f"Target group '{group_arn}' is currently in use by a listener or a rule")
    state.target_groups.pop(group_arn, None)
    return {}


async def describe_attributes(state: State, parameters: Shape) -> Shape:
    return {"Attributes": attributes.described(state.target_group(parameters["TargetGroupArn"]).attributes)}


async def modify_attributes(state: State, parameters: Shape) -> Shape:
    group = state.target_group(parameters["TargetGroupArn"])
    group.attributes = attributes.merged(group.attributes, parameters["Attributes"])
    return await describe_attributes(state, parameters)


async def register_targets(state: State, parameters: Shape) -> Shape:
    """Register the group's function. The function's policy must already let the load balancer invoke it."""
    group = state.target_group(parameters["TargetGroupArn"])
    targets = {target["Id"]: Target(id=target["Id"]) for target in parameters["Targets"]}
    for target in parameters["Targets"]:
        if not _FUNCTION.fullmatch(target["Id"]):
            raise validation(f"'{target['Id']}' is not a valid Lambda function ARN")
        if "Port" in target:
            raise validation("A port cannot be specified for a Lambda target")
    if len(targets.keys() | group.targets.keys()) > 1:
        raise ApiError("TooManyTargets", f"Target group '{group.arn}' can have only one Lambda function")
    for function_arn in targets:
        if not permissions.may_invoke(function_arn, target_group_arn=group.arn):
            raise ApiError(
                "AccessDenied",
                f"elasticloadbalancing principal does not have permission to invoke {function_arn} "
                f"from target group {group.arn}",
                status=403,
            )
    group.targets = targets | group.targets
    return {}


async def deregister_targets(state: State, parameters: Shape) -> Shape:
    group = state.target_group(parameters["TargetGroupArn"])
    for target in parameters["Targets"]:
        if group.targets.pop(target["Id"], None) is None:
            raise ApiError("InvalidTarget", f"Target '{target['Id']}' is not registered with the target group")
    return {}


async def describe_target_health(state: State, parameters: Shape) -> Shape:
    group = state.target_group(parameters["TargetGroupArn"])
    wanted = {target["Id"] for target in parameters.get("Targets", [])}
    used = bool(state.load_balancers_using(group.arn))
    known = [
        {"Target": {"Id": target.id}, "TargetHealth": health.described(group, target, used=used)}
        for target in group.targets.values()
        if not wanted or target.id in wanted
    ]
    unknown = [
        {"Target": {"Id": target_id}, "TargetHealth": dict(health.NOT_REGISTERED)}
        for target_id in sorted(wanted - set(group.targets))
    ]
    return {"TargetHealthDescriptions": known + unknown}


def described(state: State, group: TargetGroup) -> Shape:
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "TargetType": "lambda",
        "IpAddressType": "ipv4",
        "LoadBalancerArns": state.load_balancers_using(group.arn),
        **group.health_check,
    }


def _health_check(current: Shape, parameters: Shape) -> Shape:
    result = current | {key: parameters[key] for key in HEALTH_CHECK_DEFAULTS if key in parameters}
    for member, low, high in (
        ("HealthCheckIntervalSeconds", 5, 300),
        ("HealthCheckTimeoutSeconds", 2, 120),
        ("HealthyThresholdCount", 2, 10),
        ("UnhealthyThresholdCount", 2, 10),
    ):
        if not low <= result[member] <= high:
            raise validation(f"{member} '{result[member]}' must be between '{low}' and '{high}'")
    if result["HealthCheckTimeoutSeconds"] >= result["HealthCheckIntervalSeconds"]:
        raise validation("Health check interval must be greater than the timeout.")
    if "GrpcCode" in result["Matcher"]:
        raise unsupported("gRPC health checks")
    return result
