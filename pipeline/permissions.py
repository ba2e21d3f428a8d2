"""Permissions as data: what a role may do, and why where a resource has a wildcard."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aws_cdk import aws_iam as iam
from constructs import Construct

from stages.constructs.nag import acknowledge

_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


class UnexplainedWildcard(ValueError):
    """A permission has a wildcard where none is allowed, or one without a reason."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One statement. A wildcard in `actions` is refused; one in `resources` needs `wildcard_reason`."""

    actions: Sequence[str]
    resources: Sequence[str]
    wildcard_reason: str | None = None
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for action in self.actions:
            if "*" in action:
                raise UnexplainedWildcard(f"action {action}")
        if bool(self._wildcards()) != bool(self.wildcard_reason):
            raise UnexplainedWildcard(f"resources {list(self.resources)} with the reason {self.wildcard_reason!r}")

    def statement(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=list(self.actions), resources=list(self.resources), conditions=dict(self.conditions)
        )

    def explain_at(self, policy: iam.ManagedPolicy) -> None:
        """Acknowledge this statement's wildcards at the policy that holds it."""
        for resource in self._wildcards():
            # In the rule's name a policy's variable stands in angle brackets.
            named = _VARIABLE.sub(r"<\1>", resource)
            acknowledge(policy, aws=f"IAM5[Resource::{named}]", reason=self.wildcard_reason or "")

    def _wildcards(self) -> list[str]:
        return [resource for resource in self.resources if "*" in resource]


def role_with(
    scope: Construct, construct_id: str, *, name: str, trusts: iam.IPrincipal, grants: Sequence[Grant]
) -> iam.Role:
    """A role of that name whose only permissions are `grants`, in a managed policy of the same name."""
    role = iam.Role(scope, construct_id, role_name=name, assumed_by=trusts)
    policy(role, "Permissions", name=name, roles=[role], grants=grants)
    return role


def policy(
    scope: Construct, construct_id: str, *, name: str, roles: Sequence[iam.IRole], grants: Sequence[Grant]
) -> iam.ManagedPolicy:
    managed = iam.ManagedPolicy(
        scope,
        construct_id,
        managed_policy_name=name,
        roles=list(roles),
        statements=[grant.statement() for grant in grants],
    )
    for grant in grants:
        grant.explain_at(managed)
    return managed
