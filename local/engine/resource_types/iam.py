"""IAM roles: the permissions boundary, which ministack's template type drops."""

from __future__ import annotations

from local.engine.registry import Registry, Resource


def register(registry: Registry) -> None:
    registry.after("AWS::IAM::Role", set_boundary)
    registry.supports("AWS::IAM::Role", {"PermissionsBoundary"})


def set_boundary(resource: Resource) -> None:
    client = resource.client("iam")
    boundary = resource.properties.get("PermissionsBoundary")
    if boundary:
        client.put_role_permissions_boundary(RoleName=resource.physical_id, PermissionsBoundary=boundary)
    elif resource.previous.get("PermissionsBoundary"):
        client.delete_role_permissions_boundary(RoleName=resource.physical_id)
