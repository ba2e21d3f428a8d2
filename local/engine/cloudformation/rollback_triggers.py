"""Rollback triggers: alarms that undo a stack operation, while it runs and for a time after.

The wait is a template resource that is deployed last: whatever fails it is rolled back like any other failure, before
CloudFormation disposes of what the operation replaced. It shows in no event and in no description.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-rollback-triggers.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from local.engine import seams, stack_operation
from local.engine.cloudwatch import clock
from local.engine.registry import Engine, Provisioned, Registry, Resource
from local.engine.stack_operation import Operation

TYPE = "Embedded::CloudFormation::RollbackTriggers"
LOGICAL_ID = "EmbeddedRollbackTriggers"
POLL_SECONDS = 0.1


class RollbackTriggeredError(RuntimeError):
    """An alarm of the rollback configuration went off, or is not there."""


def register(registry: Registry) -> None:
    registry.resource_type(TYPE, create=monitor, update=monitor, delete=lambda _: None)
    registry.before_start(install)


def install(_: Engine) -> None:
    seams.wrap("cloudformation.deploy_stack", _with_monitoring)
    seams.wrap("cloudformation.deploy_change_set", _with_monitoring)
    seams.wrap("cloudformation.roll_back", _told_why)
    seams.wrap("cloudformation.add_event", _without_own)
    seams.wrap("cloudformation.provision", _unless_triggered)
    seams.wrap("cloudformation.update", _unless_triggered)


def monitor(resource: Resource) -> Provisioned:
    """Wait for the monitoring time. Raises `RollbackTriggeredError` as soon as an alarm goes off."""
    running = stack_operation.current()
    minutes = running.settings.monitoring_minutes if running else 0
    until = time.time() + 60 * minutes * clock.factor()
    while True:
        if running is not None:
            check(running)
        if time.time() >= until:
            return Provisioned(physical_id=resource.logical_id)
        time.sleep(POLL_SECONDS)


def check(running: Operation) -> None:
    """Raise `RollbackTriggeredError` when a trigger was in ALARM since the operation began, or does not exist."""
    for arn in running.settings.triggers:
        name = arn.partition(":alarm:")[2]
        if not any(name in seams.get(alarms) for alarms in ("cloudwatch.alarms", "cloudwatch.composite_alarms")):
            raise RollbackTriggeredError(f"Rollback trigger {arn} does not exist")
        if seams.get("cloudwatch.first_alarm")(arn, running.started_at, time.time()) is not None:
            raise RollbackTriggeredError(f"Rollback trigger {arn} went to ALARM")


def _with_monitoring(original: Callable[..., Any]) -> Callable[..., Any]:
    async def deploy(stack_name: str, stack_id: str, template: dict[str, Any], *arguments: Any, **named: Any) -> None:
        running = stack_operation.current()
        if running is None or not (running.settings.triggers or running.settings.monitoring_minutes):
            await original(stack_name, stack_id, template, *arguments, **named)
            return
        resources = template.get("Resources", {})
        last = {"Type": TYPE, "DependsOn": list(resources)}
        watched = {**template, "Resources": {**resources, LOGICAL_ID: last}}
        await original(stack_name, stack_id, watched, *arguments, **named)
        stack = seams.get("cloudformation.stacks")[stack_name]
        stack["_resources"].pop(LOGICAL_ID, None)
        if stack.get("_template") is watched:
            stack["_template"] = template

    return deploy


def _told_why(original: Callable[..., Any]) -> Callable[..., Any]:
    async def roll_back(
        stack_name: str, stack_id: str, stack: Any, operation_: dict[str, Any], reason_override: str = ""
    ) -> None:
        running = stack_operation.current()
        if running is not None and not reason_override:
            try:
                check(running)
            except RollbackTriggeredError as error:
                reason_override = str(error)
        with stack_operation.rolling_back():
            await original(stack_name, stack_id, stack, operation_, reason_override)

    return roll_back


def _unless_triggered(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stop before the next resource once an alarm went off."""

    def handle(resource_type: str, *arguments: Any) -> Any:
        running = stack_operation.current()
        if running is not None and not running.rolls_back:
            check(running)
        return original(resource_type, *arguments)

    return handle


def _without_own(original: Callable[..., None]) -> Callable[..., None]:
    def add_event(
        stack_id: str, stack_name: str, logical_id: str, resource_type: str, *arguments: Any, **named: Any
    ) -> None:
        if resource_type != TYPE:
            original(stack_id, stack_name, logical_id, resource_type, *arguments, **named)

    return add_event
