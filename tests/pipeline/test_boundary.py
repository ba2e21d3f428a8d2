"""What limits the roles of branches, and who may change that."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from pipeline.boundary import BOUNDARY
from release import names
from stages.environments import PULL_REQUEST_ACCOUNT
from tests.pipeline.synthesis import Assembly, resources_of

EXECUTION_ROLE = f"cdk-hnb659fds-cfn-exec-role-{PULL_REQUEST_ACCOUNT}-us-east-1"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policy_named(assembly: Assembly, name: str) -> Mapping[str, Any]:
    (found,) = (
        policy.properties
        for policy in assembly.resources(names.BRANCHES, "AWS::IAM::ManagedPolicy")
        if policy.properties["ManagedPolicyName"] == name
    )
    return found


@pytest.fixture(scope="module")
def allowed(assembly: Assembly) -> dict[str, list[str]]:
    """The boundary: actions, and on what each is allowed at most."""
    statements = policy_named(assembly, BOUNDARY)["PolicyDocument"]["Statement"]
    assert {statement["Effect"] for statement in statements} == {"Allow"}
    found: dict[str, list[str]] = {}
    for statement in statements:
        for action in listed(statement["Action"]):
            found.setdefault(action, []).extend(listed(statement["Resource"]))
    return found


def actions_of_roles(pull_request: Assembly) -> Iterator[str]:
    for template in pull_request.templates.values():
        for resource in resources_of(template):
            documents = [resource.properties.get("PolicyDocument") if "Policy" in resource.type else None]
            documents += [policy["PolicyDocument"] for policy in resource.properties.get("Policies", [])]
            if resource.type in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
                for document in filter(None, documents):
                    for statement in document["Statement"]:
                        yield from listed(statement["Action"]) if statement["Effect"] == "Allow" else ()


def test_every_role_of_a_branch_has_the_boundary(pull_request: Assembly) -> None:
    roles = [r for t in pull_request.templates.values() for r in resources_of(t) if r.type == "AWS::IAM::Role"]
    assert len(roles) > 10
    expected = f"arn:aws:iam::{PULL_REQUEST_ACCOUNT}:policy/{BOUNDARY}"
    assert {role.properties.get("PermissionsBoundary") for role in roles} == {expected}


def test_no_other_environment_is_limited_by_it(assembly: Assembly) -> None:
    for stack, template in assembly.templates.items():
        for role in resources_of(template):
            assert "PermissionsBoundary" not in role.properties, stack


def test_the_boundary_takes_nothing_from_the_payment_system(
    pull_request: Assembly, allowed: Mapping[str, list[str]]
) -> None:
    needed = set(actions_of_roles(pull_request))
    assert len(needed) > 50
    assert needed - set(allowed) == set(), "name them in pipeline/boundary.py, and have it deployed first"


def test_no_role_of_a_branch_can_become_another_one(allowed: Mapping[str, list[str]]) -> None:
    services = {action.split(":")[0] for action in allowed}
    assert not services & {"iam", "organizations", "codebuild", "codepipeline"}
    assert all("${aws:PrincipalTag/EnvironmentSuffix}" in role for role in allowed["sts:AssumeRole"])


def test_a_role_reaches_the_secrets_of_its_own_branch_only(allowed: Mapping[str, list[str]]) -> None:
    own = "payment/${aws:PrincipalTag/EnvironmentSuffix}/*"
    secrets = {tuple(found) for action, found in allowed.items() if action.startswith("secretsmanager:")}
    assert secrets == {(f"arn:aws:secretsmanager:us-east-1:{PULL_REQUEST_ACCOUNT}:secret:{own}",)}


def test_cloudformation_is_kept_from_making_roles_without_it(assembly: Assembly) -> None:
    guard = policy_named(assembly, f"{names.BRANCHES}-guard")
    assert guard["Roles"] == [EXECUTION_ROLE]
    statements = {statement["Sid"]: statement for statement in guard["PolicyDocument"]["Statement"]}
    assert {statement["Effect"] for statement in statements.values()} == {"Deny"}
    bounded = statements["RolesHaveTheBoundary"]
    limit = f"arn:aws:iam::{PULL_REQUEST_ACCOUNT}:policy/{BOUNDARY}"
    assert bounded["Condition"] == {"StringNotEquals": {"iam:PermissionsBoundary": limit}}
    assert {"iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:AttachRolePolicy"} <= set(bounded["Action"])
    protected = statements["NotWhatLimitsBranches"]
    execution_role = f"arn:aws:iam::{PULL_REQUEST_ACCOUNT}:role/{EXECUTION_ROLE}"
    for limiting in (limit, execution_role):
        assert any(fnmatchcase(limiting, pattern) for pattern in protected["Resource"])


def test_the_account_of_branches_is_set_up_by_its_administrator_and_not_by_what_deploys_branches(
    assembly: Assembly,
) -> None:
    (artifact,) = (a for a in assembly.app.synth().stacks if a.stack_name == names.BRANCHES)
    assert artifact.assume_role_arn is None
    assert artifact.cloud_formation_execution_role_arn is None
