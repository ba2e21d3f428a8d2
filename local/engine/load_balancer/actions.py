"""Rule actions: what AWS accepts and how it describes them.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from local.engine.load_balancer.errors import ApiError, unsupported, validation
from local.engine.load_balancer.model import Shape, State, target_groups_of

FINAL = {"forward", "fixed-response", "redirect"}
MAX_TARGET_GROUPS = 5
MAX_WEIGHT = 999
CONTENT_TYPES = {"text/plain", "text/css", "text/html", "application/javascript", "application/json"}
REDIRECT_DEFAULTS = {
    "Protocol": "#{protocol}",
    "Host": "#{host}",
    "Port": "#{port}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
NO_STICKINESS = {"Enabled": False}


def normalised(actions: Sequence[Shape], state: State, *, load_balancer_arn: str) -> list[Shape]:
    """The actions as AWS describes them. Raises `ApiError` as AWS does, and for unsupported types by name."""
    if not actions:
        raise validation("An action must be specified")
    for action in actions:
        if action.get("Type") not in FINAL:
            raise unsupported(f"actions of type '{action.get('Type')}'")
    if len(actions) > 1:
        raise ApiError("TooManyActions", "A rule can only have one forward, redirect or fixed-response action")
    result = [_CHECK[action["Type"]](action) for action in actions]
    for arn in target_groups_of(result):
        state.target_group(arn)
        if others := set(state.load_balancers_using(arn)) - {load_balancer_arn}:
            raise ApiError(
                "TargetGroupAssociationLimit",
                f"The following target groups cannot be associated with more than one load balancer: {arn} "
                f"(in use by {sorted(others)[0]})",
            )
    return result


def _base(action: Shape, *allowed: str) -> Shape:
    if unknown := sorted(set(action) - {"Type", "Order", *allowed}):
        raise ApiError(
            "InvalidLoadBalancerAction", f"'{unknown[0]}' does not belong to an action of type '{action['Type']}'"
        )
    return {"Type": action["Type"]} | ({"Order": action["Order"]} if "Order" in action else {})


def _forward(action: Shape) -> Shape:
    shape = _base(action, "TargetGroupArn", "ForwardConfig")
    config = action.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or []
    single = action.get("TargetGroupArn")
    if single and groups and [group.get("TargetGroupArn") for group in groups] != [single]:
        raise ApiError(
            "InvalidLoadBalancerAction", "You cannot specify both 'TargetGroupArn' and a different 'ForwardConfig'"
        )
    groups = groups or ([{"TargetGroupArn": single}] if single else [])
    if not groups:
        raise validation("A target group ARN must be specified")
    if len(groups) > MAX_TARGET_GROUPS:
        raise ApiError("TooManyTargetGroups", f"An action can only have '{MAX_TARGET_GROUPS}' target groups")
    arns = [group.get("TargetGroupArn", "") for group in groups]
    if len(set(arns)) < len(arns):
        raise validation("A target group can only be specified once in an action")
    weighted = [{"TargetGroupArn": arn, "Weight": _weight(group)} for arn, group in zip(arns, groups, strict=True)]
    shape["ForwardConfig"] = {"TargetGroups": weighted, "TargetGroupStickinessConfig": _stickiness(config)}
    return shape | ({"TargetGroupArn": arns[0]} if len(arns) == 1 else {})


def _weight(group: Shape) -> int:
    weight = int(group.get("Weight", 1))
    if not 0 <= weight <= MAX_WEIGHT:
        raise validation(f"Target group weight '{weight}' must be between '0' and '{MAX_WEIGHT}'")
    return weight


def _stickiness(config: Shape) -> Shape:
    stickiness = config.get("TargetGroupStickinessConfig") or {}
    if not stickiness.get("Enabled"):
        return dict(NO_STICKINESS)
    duration = stickiness.get("DurationSeconds")
    if duration is None or not 1 <= duration <= 604_800:
        raise validation("Stickiness duration must be between '1' and '604800' seconds")
    return {"Enabled": True, "DurationSeconds": duration}


def _fixed_response(action: Shape) -> Shape:
    config = action.get("FixedResponseConfig") or {}
    if not re.fullmatch(r"[245]\d\d", str(config.get("StatusCode", ""))):
        raise validation("The status code of a fixed response must be 2XX, 4XX or 5XX")
    if config.get("ContentType", "text/plain") not in CONTENT_TYPES:
        raise validation(f"Content type '{config['ContentType']}' must be one of {sorted(CONTENT_TYPES)}")
    if len(config.get("MessageBody", "")) > 1024:
        raise validation("The message body of a fixed response can have at most '1024' characters")
    return _base(action, "FixedResponseConfig") | {"FixedResponseConfig": dict(config)}


def _redirect(action: Shape) -> Shape:
    config = REDIRECT_DEFAULTS | (action.get("RedirectConfig") or {})
    if config.get("StatusCode") not in ("HTTP_301", "HTTP_302"):
        raise validation("The status code of a redirect must be HTTP_301 or HTTP_302")
    if all(config[name] == default for name, default in REDIRECT_DEFAULTS.items() if name != "Query"):
        raise ApiError(
            "InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop."
        )
    return _base(action, "RedirectConfig") | {"RedirectConfig": config}


_CHECK = {"forward": _forward, "fixed-response": _fixed_response, "redirect": _redirect}
