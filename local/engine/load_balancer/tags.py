"""Tags of everything that has an ARN here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local.engine.load_balancer.errors import ApiError
from local.engine.load_balancer.model import Shape, State

MAX_TAGS = 50


def parsed(tags: Sequence[Shape]) -> dict[str, str]:
    """`[{"Key", "Value"}]` as a dict. Raises `ApiError` for repeated keys, reserved keys or too many tags."""
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys):
        raise ApiError("DuplicateTagKeys", "A tag key was specified more than once")
    if reserved := [
        key for key in keys if key.lower().startswith("aws:") and not key.startswith("aws:cloudformation:")
    ]:
        raise ApiError("ValidationError", f"Tag key '{reserved[0]}' is reserved")
    if len(tags) > MAX_TAGS:
        raise ApiError("TooManyTags", f"A resource can have at most '{MAX_TAGS}' tags")
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def described(tags: dict[str, str]) -> list[Shape]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


async def add(state: State, parameters: Shape) -> Shape:
    new = parsed(parameters["Tags"])
    for arn in parameters["ResourceArns"]:
        tagged = _resource(state, arn)
        merged = tagged.tags | new
        parsed(described(merged))
        tagged.tags = merged
    return {}


async def remove(state: State, parameters: Shape) -> Shape:
    for arn in parameters["ResourceArns"]:
        tagged = _resource(state, arn)
        tagged.tags = {key: value for key, value in tagged.tags.items() if key not in parameters["TagKeys"]}
    return {}


async def describe(state: State, parameters: Shape) -> Shape:
    return {
        "TagDescriptions": [
            {"ResourceArn": arn, "Tags": described(_resource(state, arn).tags)} for arn in parameters["ResourceArns"]
        ]
    }


def _resource(state: State, arn: str) -> Any:
    kind = arn.rpartition(":")[2].partition("/")[0]
    find = {
        "loadbalancer": state.load_balancer,
        "targetgroup": state.target_group,
        "listener": state.listener,
        "listener-rule": state.rule,
    }.get(kind)
    if find is None:
        raise ApiError("ValidationError", f"'{arn}' is not a valid ARN")
    return find(arn)
