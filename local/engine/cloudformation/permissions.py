"""What a stack's execution role needs for each resource, checked before the resource is touched.

Our own template types call the API as the role; ministack's (and two of ours) write into stores, so for those the main
action of the type's handler is checked here. A type that is not in the table needs a role that may do everything.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local.engine import context, seams, stack_operation
from local.engine.cloudformation.actions import ACTIONS, PASSED_ROLES, Actions
from local.engine.cloudformation.property_actions import further_actions
from local.engine.registry import Engine, Registry

Properties = Mapping[str, Any]
TASKS = (
    "deploy_stack",
    "deploy_change_set",
    "delete_stack",
    "delete_failed_stack",
    "continue_rollback",
    "roll_back_stack",
)
# The service of an action that no policy names: of a type that is not in the table.
UNKNOWN = "not-in-local-engine-cloudformation-actions"


class NotAuthorizedError(ValueError):
    """The execution role, or the caller where there is none, lacks a permission; the message is as IAM's."""


def register(registry: Registry) -> None:
    guard = Guard(own=lambda name: name in registry.resource_types)
    registry.before_start(guard.install)


def check(action: str, resource_arn: str, **more: str) -> None:
    """Raise `NotAuthorizedError` unless who deploys may do `action`; the engine itself may do everything."""
    key = stack_operation.deployer_key()
    if not key:
        return
    credential = seams.get("iam.credential")(key, context.account())
    principal = seams.get("iam.principal")(key, context.account(), credential)
    policies = getattr(principal, "policies", [])
    if policies is None:  # the account's root
        return
    result = seams.get("iam.evaluate")(
        seams.get("iam.eval_context")(
            principal_arn=getattr(principal, "arn", key),
            principal_type=getattr(principal, "type", ""),
            principal_account=getattr(principal, "account", context.account()),
            action=action,
            resource_arn=resource_arn,
            region=context.region(),
            service_context={"aws:tagkeys": None, **more},
            principal_keys=getattr(principal, "keys", {}),
        ),
        policies,
        *getattr(principal, "limits", []),
    )
    if result.decision != "Allow":
        raise NotAuthorizedError(
            f"User: {getattr(principal, 'arn', key)} is not authorized to perform: {action} on resource: {resource_arn}"
        )


def _as_the_role(original: Callable[..., Any]) -> Callable[..., Any]:
    async def act(*arguments: Any, **named: Any) -> None:
        with stack_operation.deploying():
            await original(*arguments, **named)

    return act


class Guard:
    """Checks each resource before ministack provides, changes or removes it."""

    def __init__(self, *, own: Callable[[str], bool]) -> None:
        self._own = own

    def install(self, _: Engine) -> None:
        for seam in TASKS:
            seams.wrap(f"cloudformation.{seam}", _as_the_role)
        seams.wrap("cloudformation.provision", self._provision)
        seams.wrap("cloudformation.update", self._update)
        seams.wrap("cloudformation.delete", self._delete)

    def _provision(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def provision(resource_type: str, logical_id: str, props: Any, stack_name: str) -> Any:
            self._check(resource_type, "create", props, name=f"{stack_name}-{logical_id}")
            return original(resource_type, logical_id, props, stack_name)

        return provision

    def _update(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def update(
            resource_type: str,
            physical_id: str,
            old_props: Any,
            new_props: Any,
            stack_name: str,
            logical_id: str | None = None,
            old_attrs: Any = None,
        ) -> Any:
            arguments = (resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)
            if old_props == new_props:
                # CloudFormation does not touch it; ministack calls every handler, which must not cost a permission.
                with stack_operation.within(None):
                    return original(*arguments)
            self._check(resource_type, "update", new_props, name=physical_id, previous=old_props)
            return original(*arguments)

        return update

    def _delete(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def delete(
            resource_type: str,
            physical_id: str,
            props: Any,
            stack_name: str | None = None,
            logical_id: str | None = None,
        ) -> Any:
            self._check(resource_type, "delete", props, name=physical_id)
            return original(resource_type, physical_id, props, stack_name, logical_id)

        return delete

    def _check(
        self, resource_type: str, verb: str, properties: Properties, *, name: str, previous: Properties | None = None
    ) -> None:
        if stack_operation.deployer() is None:
            return
        if resource_type in PASSED_ROLES and verb != "delete":
            role_property, service = PASSED_ROLES[resource_type]
            if properties.get(role_property):
                check("iam:PassRole", str(properties[role_property]), **{"iam:passedtoservice": service})
        actions = actions_of(resource_type)
        if actions is None and self._own(resource_type):
            return  # its calls are the role's
        if actions is None:
            # local.engine.audit names such a type before; who may do everything deploys it all the same.
            check(f"{UNKNOWN}:{resource_type.replace('::', '')}", "*")
            return
        arn = _arn(actions, properties, name=name, is_new=verb == "create")
        for action in getattr(actions, verb):
            check(f"{actions.service}:{action}", arn, **boundary_of(resource_type, properties))
        if verb != "delete":
            for changed, further in further_actions(resource_type, properties, previous or {}):
                for each in _attached(properties, changed) or (arn,):
                    check(further, each, **(boundary_of(resource_type, properties) or boundary_of_role(each)))


def _attached(properties: Properties, name: str) -> tuple[str, ...]:
    """The roles that a managed policy is attached to: the attachment is theirs."""
    roles = properties["Roles"] if name == "Roles" else ()
    return tuple(f"arn:aws:iam::{context.account()}:role/{role}" for role in roles)


def boundary_of_role(arn: str) -> dict[str, str]:
    """The same condition key for a role that is there already."""
    account, name = arn.split(":")[4] if ":role/" in arn else "", arn.rsplit("/", 1)[-1]
    boundary = (seams.get("iam.roles").get_scoped(account, None, name) or {}).get("PermissionsBoundary")
    return {"iam:permissionsboundary": str(boundary)} if boundary else {}


def boundary_of(resource_type: str, properties: Properties) -> dict[str, str]:
    """The condition key by which a policy demands that roles are made with a boundary; none where it has none."""
    boundary = properties.get("PermissionsBoundary") if resource_type == "AWS::IAM::Role" else None
    return {"iam:permissionsboundary": str(boundary)} if boundary else {}


def actions_of(resource_type: str) -> Actions | None:
    """The table's entry; all custom resources are one."""
    return ACTIONS.get("Custom::" if resource_type.startswith("Custom::") else resource_type)


def _arn(actions: Actions, properties: Properties, *, name: str, is_new: bool) -> str:
    """The resource as IAM names it: by the template's own name, by the physical id, else by a wildcard."""
    if name.startswith("arn:") and not is_new and actions.arn.endswith(("{name}", "*")):
        return name
    known = {"region": context.region(), "account": context.account()}
    known["name"] = (properties.get(actions.name_property) if actions.name_property else None) or name
    if "FunctionName" in properties:  # a name, an ARN, or the ARN of a version
        known["FunctionName"] = str(properties["FunctionName"]).rpartition(":function:")[2]
    return actions.arn.format_map(_Wildcards({**properties, **known}))


class _Wildcards(dict[str, Any]):
    def __missing__(self, _: str) -> str:
        return "*"
