"""CloudFormation makes roles with the rights of the stack's execution role: it may be told to make none without a
boundary.

Everything else that a stack makes here is made with all rights; `make engine-audit` cannot know, so it is said here.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html#access_policies_boundaries-delegate
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from local.engine import context, seams
from local.engine.registry import Registry, Request, Resource, Response, ServiceHandler

BOUNDARY_KEY = "iam:permissionsboundary"
_WITH_A_ROLE = ("CreateChangeSet", "CreateStack", "UpdateStack")


def register(registry: Registry) -> None:
    roles = ExecutionRoles()
    registry.wrap_service("cloudformation", roles.remember)
    registry.after("AWS::IAM::Role", roles.check)


class ExecutionRoles:
    """The role of every stack that has one: CloudFormation keeps it for all later operations."""

    def __init__(self) -> None:
        self._of_stack = context.store()

    async def remember(self, request: Request, proceed: ServiceHandler) -> Response:
        asked = parse_qs(request.body.decode(errors="replace")) if request.body else dict(request.query)
        given = {name: asked[name][0] for name in ("Action", "RoleARN", "StackName") if asked.get(name)}
        if given.get("Action") in _WITH_A_ROLE and "RoleARN" in given:
            stack = given["StackName"]
            self._of_stack[stack.split("/")[1] if stack.startswith("arn:") else stack] = given["RoleARN"]
        return await proceed(request)

    def check(self, resource: Resource) -> None:
        """Raise what IAM would answer CloudFormation: the role that was made is removed again."""
        execution_role = self._of_stack.get(resource.stack_name)
        if execution_role is None:
            return
        boundary = resource.properties.get("PermissionsBoundary")
        if not resource.previous:
            _refuse_unless_allowed(execution_role, "iam:CreateRole", resource, boundary)
        elif boundary != resource.previous.get("PermissionsBoundary"):
            action = "iam:PutRolePermissionsBoundary" if boundary else "iam:DeleteRolePermissionsBoundary"
            _refuse_unless_allowed(execution_role, action, resource, boundary)


def _refuse_unless_allowed(execution_role: str, action: str, resource: Resource, boundary: Any) -> None:
    account, name = execution_role.split(":")[4], execution_role.rsplit("/", 1)[-1]
    role_arn = f"arn:aws:iam::{resource.account}:role/{resource.physical_id}"
    caller = f"arn:aws:sts::{account}:assumed-role/{name}/AWSCloudFormation"
    asked = seams.get("iam.eval_context")(
        principal_arn=caller,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=role_arn,
        region=resource.region,
        service_context={BOUNDARY_KEY: boundary} if boundary else {},
    )
    limits = seams.get("iam.boundary")(seams.get("iam.roles"), name, account)
    decision = seams.get("iam.evaluate")(asked, seams.get("iam.role_policies")(name, account), *limits)
    if decision.decision != "Allow":
        how = "with an explicit deny in" if decision.decision == "Deny" else "because no policy allows it of"
        raise ValueError(f"{caller} is not authorized to perform {action} on {role_arn} {how} its policies")
