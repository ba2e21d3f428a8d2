"""Template types of the registry, in the shape in which ministack's CloudFormation calls them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from local.engine import context
from local.engine.registry import After, Before, Provisioned, Resource, ResourceType, UnsupportedPropertyError

Handlers = dict[str, Any]


def _resource(name: str, logical_id: str, properties: Mapping[str, Any], stack_name: str, **more: Any) -> Resource:
    return Resource(
        type=name,
        logical_id=logical_id,
        properties=properties,
        stack_name=stack_name,
        account=context.account(),
        region=context.region(),
        **more,
    )


def own_handlers(name: str, resource_type: ResourceType) -> Handlers:
    def check(properties: Mapping[str, Any]) -> None:
        if resource_type.properties is None:
            return
        unknown = sorted(set(properties) - set(resource_type.properties))
        if unknown:
            raise UnsupportedPropertyError(f"{name}: the embedded AWS has no behaviour for {', '.join(unknown)}")

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        check(properties)
        return _pair(resource_type.create(_resource(name, logical_id, properties, stack_name)))

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
    ) -> tuple[str, dict[str, Any]]:
        assert resource_type.update is not None  # noqa: S101 - only offered to ministack when there is one
        check(new)
        resource = _resource(name, logical_id or physical_id, new, stack_name, physical_id=physical_id, previous=old)
        return _pair(resource_type.update(resource))

    def delete(physical_id: str, properties: dict[str, Any], logical_id: str | None = None) -> None:
        resource_type.delete(_resource(name, logical_id or physical_id, properties, "", physical_id=physical_id))

    handlers: Handlers = {"create": create, "delete": delete, "delete_with_logical_id": True}
    if resource_type.update is not None:
        handlers |= {"update": update, "update_with_logical_id": True}
    return handlers


def _pair(provisioned: Provisioned) -> tuple[str, dict[str, Any]]:
    return provisioned.physical_id, dict(provisioned.attributes)


def wrapped_handlers(name: str, theirs: Handlers, afters: list[After], befores: list[Before]) -> Handlers:
    def apply(resource: Resource) -> tuple[str, dict[str, Any]]:
        attributes = dict(resource.attributes)
        for after in afters:
            attributes |= after(resource) or {}
        return resource.physical_id, attributes

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        physical_id, attributes = theirs["create"](logical_id, properties, stack_name)
        resource = _resource(
            name, logical_id, properties, stack_name, physical_id=physical_id, attributes=attributes or {}
        )
        try:
            return apply(resource)
        except Exception:
            # CloudFormation never learns of a resource whose creation raised, so nobody else would remove it.
            _delete(theirs, physical_id, properties, logical_id)
            raise

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
    ) -> tuple[str, dict[str, Any]]:
        extra = (logical_id,) if theirs.get("update_with_logical_id") else ()
        new_id, attributes = theirs["update"](physical_id, old, new, stack_name, *extra)
        resource = _resource(
            name,
            logical_id or physical_id,
            new,
            stack_name,
            physical_id=new_id,
            previous=old if new_id == physical_id else {},
            attributes=attributes or {},
        )
        return apply(resource)

    def delete(physical_id: str, properties: dict[str, Any], logical_id: str | None = None) -> None:
        resource = _resource(name, logical_id or physical_id, properties, "", physical_id=physical_id)
        for before in befores:
            before(resource)
        _delete(theirs, physical_id, properties, logical_id)

    wrapped: Handlers = {**theirs, "create": create, "delete": delete, "delete_with_logical_id": True}
    if "update" in theirs:
        wrapped |= {"update": update, "update_with_logical_id": True}
    return wrapped


def audited_handlers(theirs: Handlers, check: Callable[[Collection[str]], None]) -> Handlers:
    """Let `check` see the properties before ministack's handler silently skips some."""

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        check(properties)
        return theirs["create"](logical_id, properties, stack_name)

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], *more: Any) -> Any:
        check(new)
        return theirs["update"](physical_id, old, new, *more)

    audited: Handlers = {**theirs, "create": create}
    if "update" in theirs:
        audited["update"] = update
    return audited


def _delete(theirs: Handlers, physical_id: str, properties: dict[str, Any], logical_id: str | None) -> None:
    extra = (logical_id,) if theirs.get("delete_with_logical_id") else ()
    theirs["delete"](physical_id, properties, *extra)
