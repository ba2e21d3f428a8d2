"""Template values: CloudFormation hands booleans and numbers on as strings as often as not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def boolean(value: Any) -> bool:
    return str(value).lower() == "true"


def integers(properties: Mapping[str, Any], names: Iterable[str]) -> dict[str, int]:
    """The named properties that are set, as numbers."""
    return {name: int(properties[name]) for name in names if properties.get(name) is not None}


def present(properties: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The named properties that are set."""
    return {name: properties[name] for name in names if properties.get(name) is not None}


def tags(properties: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"Key": str(tag["Key"]), "Value": str(tag["Value"])} for tag in properties.get("Tags", [])]


def tag_specifications(properties: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """EC2's way to tag at creation; nothing when there are no tags."""
    own = tags(properties)
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": own}]} if own else {}
