"""What limits the roles of branches, and who may change that."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from pipeline.boundary import BOUNDARY
from release import names
from stages.environments import PULL_REQUEST_ACCOUNT
from tests.pipeline.synthesis import Assembly, resources_of

DEPLOY_ROLE = f"cdk-hnb659fds-deploy-role-{PULL_REQUEST_ACCOUNT}-us-east-1"
PUBLISHING_ROLE = DEPLOY_ROLE.replace("deploy", "file-publishing")
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


def denies(policy: Mapping[str, Any], action: str, resource: str) -> bool:
    """Whether a statement without a condition does, as IAM compares."""
    return any(
        any(fnmatchcase(action, pattern) for pattern in listed(statement["Action"]))
        and (
            any(fnmatchcase(resource, str(pattern)) for pattern in listed(statement["Resource"]))
            if "Resource" in statement
            else not any(fnmatchcase(resource, pattern) for pattern in listed(statement["NotResource"]))
        )
        for statement in policy["PolicyDocument"]["Statement"]
        if "Condition" not in statement
    )


@pytest.mark.parametrize("stack", [names.BRANCHES, "CDKToolkit"])
@pytest.mark.parametrize(
    "action", ["DeleteStack", "UpdateStack", "CreateChangeSet", "ExecuteChangeSet", "RollbackStack"]
)
def test_neither_a_build_nor_what_deploys_for_it_changes_what_limits_it(
    assembly: Assembly, stack: str, action: str
) -> None:
    guard = policy_named(assembly, f"{names.BRANCHES}-stack-guard")
    (build,) = (
        role.logical_id
        for role in assembly.resources(names.BRANCHES, "AWS::IAM::Role")
        if role.properties["RoleName"] == names.BRANCHES_BUILD_ROLE
    )
    assert guard["Roles"] == [DEPLOY_ROLE, PUBLISHING_ROLE, {"Ref": build}]
    arn = f"arn:aws:cloudformation:us-east-1:{PULL_REQUEST_ACCOUNT}:stack/{{}}/0a1b"
    assert denies(guard, f"cloudformation:{action}", arn.format(stack))
    assert not denies(guard, f"cloudformation:{action}", arn.format("payment-pr-12-network"))
    assert not denies(guard, "cloudformation:DescribeStacks", arn.format(stack))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("events:DeleteRule", f"events:us-east-1:{PULL_REQUEST_ACCOUNT}:rule/payment-branches-janitor"),
        ("dynamodb:DeleteTable", f"dynamodb:us-east-1:{PULL_REQUEST_ACCOUNT}:table/payment-branches"),
        ("logs:DeleteLogGroup", f"logs:us-east-1:{PULL_REQUEST_ACCOUNT}:log-group:/payment-branches/builds"),
        ("codebuild:UpdateProject", f"codebuild:us-east-1:{PULL_REQUEST_ACCOUNT}:project/payment-branches"),
        ("ssm:PutParameter", f"ssm:us-east-1:{PULL_REQUEST_ACCOUNT}:parameter/payment-branches/edge/domain-name"),
        ("s3:PutBucketPolicy", f"s3:::cdk-hnb659fds-assets-{PULL_REQUEST_ACCOUNT}-us-east-1"),
        ("iam:UpdateAssumeRolePolicy", f"iam::{PULL_REQUEST_ACCOUNT}:role/OrganizationAccountAccessRole"),
        ("iam:PassRole", f"iam::{PULL_REQUEST_ACCOUNT}:role/service-role/payment-lookalike"),
        ("iam:UpdateAssumeRolePolicy", f"iam::{PULL_REQUEST_ACCOUNT}:role/{DEPLOY_ROLE}"),
        ("iam:UpdateAssumeRolePolicy", f"iam::{PULL_REQUEST_ACCOUNT}:role/payment-branches-build"),
    ],
)
def test_cloudformation_is_kept_from_what_is_not_a_branchs(assembly: Assembly, action: str, resource: str) -> None:
    guard = policy_named(assembly, f"{names.BRANCHES}-guard")
    assert denies(guard, action, f"arn:aws:{resource}")


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("events:DeleteRule", f"events:us-east-1:{PULL_REQUEST_ACCOUNT}:rule/payment-pr-12-sweeper"),
        ("dynamodb:DeleteTable", f"dynamodb:us-east-1:{PULL_REQUEST_ACCOUNT}:table/payment-pr-12-transactions"),
        ("logs:DeleteLogGroup", f"logs:us-east-1:{PULL_REQUEST_ACCOUNT}:log-group:/payment/pr-12/validation"),
        ("kms:ScheduleKeyDeletion", f"kms:us-east-1:{PULL_REQUEST_ACCOUNT}:key/of-a-branch"),
        ("ssm:PutParameter", f"ssm:us-east-1:{PULL_REQUEST_ACCOUNT}:parameter/payment/pr-12/config/log-level"),
        ("s3:GetObject", f"s3:::cdk-hnb659fds-assets-{PULL_REQUEST_ACCOUNT}-us-east-1/code.zip"),
    ],
)
def test_cloudformation_may_do_so_with_what_is_a_branchs(assembly: Assembly, action: str, resource: str) -> None:
    assert not denies(policy_named(assembly, f"{names.BRANCHES}-guard"), action, f"arn:aws:{resource}")


def test_cloudformation_may_make_and_pass_every_role_of_a_branch(assembly: Assembly, pull_request: Assembly) -> None:
    guard = policy_named(assembly, f"{names.BRANCHES}-guard")
    for stack, template in pull_request.templates.items():
        for role in resources_of(template):
            if role.type == "AWS::IAM::Role":
                name = role.properties.get("RoleName", f"{stack}-{role.logical_id}")
                for action in ("iam:PassRole", "iam:TagRole", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole"):
                    assert not denies(guard, action, f"arn:aws:iam::{PULL_REQUEST_ACCOUNT}:role/{name}"), name


def test_a_role_updates_the_stacks_of_its_own_branch_only(allowed: Mapping[str, list[str]]) -> None:
    own = "stack/payment-${aws:PrincipalTag/EnvironmentSuffix}-*"
    assert allowed["cloudformation:UpdateStack"] == [f"arn:aws:cloudformation:us-east-1:{PULL_REQUEST_ACCOUNT}:{own}"]


def test_no_build_lays_out_a_template_for_the_administrator_to_deploy(assembly: Assembly) -> None:
    guard = policy_named(assembly, f"{names.BRANCHES}-stack-guard")
    (artifact,) = (a for a in assembly.app.synth().stacks if a.stack_name == names.BRANCHES)
    bucket, _, key = str(artifact.stack_template_asset_object_url).removeprefix("s3://").partition("/")
    bucket = bucket.replace("${AWS::AccountId}", PULL_REQUEST_ACCOUNT).replace("${AWS::Region}", "us-east-1")
    assert denies(guard, "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")
    assert not denies(guard, "s3:PutObject", f"arn:aws:s3:::{bucket}/0a1b.json")


def test_the_account_of_branches_is_set_up_by_its_administrator_and_not_by_what_deploys_branches(
    assembly: Assembly,
) -> None:
    (artifact,) = (a for a in assembly.app.synth().stacks if a.stack_name == names.BRANCHES)
    assert artifact.assume_role_arn is None
    assert artifact.cloud_formation_execution_role_arn is None
