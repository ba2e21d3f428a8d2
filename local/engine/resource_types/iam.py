"""IAM roles: the permissions boundary, which ministack's template type drops."""

from __future__ import annotations

from local.engine import stack_operation
from local.engine.cloudformation.permissions import boundary_of, check
from local.engine.registry import Registry, Resource


def register(registry: Registry) -> None:
    registry.after("AWS::IAM::Role", set_boundary)
    registry.supports("AWS::IAM::Role", {"PermissionsBoundary"})


def set_boundary(resource: Resource) -> None:
    """On AWS a role is made with its boundary at once: only a later change is an action of its own."""
    boundary, before = (
        properties.get("PermissionsBoundary") for properties in (resource.properties, resource.previous)
    )
    if boundary == before:
        return
    if resource.previous:
        action = "iam:PutRolePermissionsBoundary" if boundary else "iam:DeleteRolePermissionsBoundary"
        role = f"arn:aws:iam::{resource.account}:role/{resource.physical_id}"
        check(action, role, **boundary_of(resource.type, resource.properties))
    with stack_operation.within(None):
        client = resource.client("iam")
        if boundary:
            client.put_role_permissions_boundary(RoleName=resource.physical_id, PermissionsBoundary=boundary)
        else:
            client.delete_role_permissions_boundary(RoleName=resource.physical_id)
