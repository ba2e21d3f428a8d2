"""CloudFormation: who deploys and what he may, and alarms that roll a stack back."""

from __future__ import annotations

from local.engine.cloudformation import operations, permissions, rollback_triggers
from local.engine.registry import Registry


def register(registry: Registry) -> None:
    operations.register(registry)
    permissions.register(registry)
    rollback_triggers.register(registry)
