"""Who may do what: the pipeline's roles and the roles it assumes in the environments' accounts."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest.mock import ANY

import pytest

from pipeline.permissions import Grant, UnexplainedWildcard
from pipeline.settings import SETTINGS
from release import names
from stages.environments import PIPELINE_ENVIRONMENTS, Environment, pull_request_environment
from tests.pipeline.synthesis import Assembly, Resource, resources_of

OWN_STACKS = [SETTINGS.name, *(names.access_stack(e.suffix) for e in PIPELINE_ENVIRONMENTS)]
POLICY_TYPES = {
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::KMS::Key",
}

Statement = Mapping[str, Any]

own_stack = pytest.mark.parametrize("stack", OWN_STACKS)
by_environment = pytest.mark.parametrize("environment", PIPELINE_ENVIRONMENTS, ids=lambda e: e.suffix)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(resource: Resource) -> list[Statement]:
    document = resource.properties.get("PolicyDocument") or resource.properties["KeyPolicy"]
    found: list[Statement] = document["Statement"]
    return found


def policies(assembly: Assembly, stack: str) -> Iterator[Resource]:
    return (each for each in resources_of(assembly.templates[stack]) if each.type in POLICY_TYPES)


def is_key_administration(resource: Resource, statement: Statement) -> bool:
    """Without it nobody could ever change the key again; AWS writes it so itself."""
    return resource.type == "AWS::KMS::Key" and ":root" in json.dumps(statement["Principal"])


def permissions(assembly: Assembly, stack: str, role: str) -> list[Statement]:
    """What the role's managed policy allows; every role of these stacks has exactly one, of its own name."""
    (policy,) = [
        each
        for each in assembly.resources(stack, "AWS::IAM::ManagedPolicy")
        if each.properties["ManagedPolicyName"] == role
    ]
    return statements(policy)


def actions(allowed: Sequence[Statement]) -> set[str]:
    return {action for statement in allowed for action in as_list(statement["Action"])}


def assumable(allowed: Sequence[Statement]) -> set[str]:
    return {
        resource
        for statement in allowed
        if "sts:AssumeRole" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


@own_stack
def test_no_policy_has_a_wildcard_action(assembly: Assembly, stack: str) -> None:
    for resource in policies(assembly, stack):
        for statement in statements(resource):
            if statement["Effect"] == "Allow" and not is_key_administration(resource, statement):
                assert not [a for a in as_list(statement["Action"]) if "*" in a], (resource.logical_id, statement)


@own_stack
def test_every_role_has_a_name_of_the_product_and_no_inline_policy(assembly: Assembly, stack: str) -> None:
    roles = assembly.resources(stack, "AWS::IAM::Role")
    assert roles
    for role in roles:
        assert role.properties["RoleName"].startswith("payment-")
        assert len(role.properties["RoleName"]) <= 64
        assert "Policies" not in role.properties
    assert not assembly.resources(stack, "AWS::IAM::Policy")


@own_stack
def test_a_resource_of_only_a_star_allows_only_to_describe(assembly: Assembly, stack: str) -> None:
    # CloudWatch has neither a resource nor a condition for reading metrics.
    metrics = "cloudwatch:GetMetricData"
    for resource in assembly.resources(stack, "AWS::IAM::ManagedPolicy"):
        for statement in statements(resource):
            if "*" in as_list(statement["Resource"]):
                for action in as_list(statement["Action"]):
                    assert action.split(":")[1].startswith("Describe") or action == metrics, statement


def test_pipeline_uses_no_role_that_is_not_written_out(assembly: Assembly) -> None:
    """CDK Pipelines would add roles of its own; each reference must be to one that this stack names."""
    named = {role.properties["RoleName"] for role in assembly.resources(SETTINGS.name, "AWS::IAM::Role")}
    by_id = {r.logical_id: r.properties["RoleName"] for r in assembly.resources(SETTINGS.name, "AWS::IAM::Role")}
    (pipeline,) = assembly.resources(SETTINGS.name, "AWS::CodePipeline::Pipeline")
    used: set[str] = set()
    for stage in pipeline.properties["Stages"]:
        for action in stage["Actions"]:
            if action["ActionTypeId"]["Provider"] != "CloudFormation":
                used.add(action["RoleArn"].rsplit("/", 1)[1])
    for project in assembly.resources(SETTINGS.name, "AWS::CodeBuild::Project"):
        role = project.properties["ServiceRole"]
        used.add(by_id[role["Fn::GetAtt"][0]] if isinstance(role, dict) else role.rsplit("/", 1)[1])
    (rule,) = assembly.resources(SETTINGS.name, "AWS::Events::Rule")
    used |= {by_id[target["RoleArn"]["Fn::GetAtt"][0]] for target in rule.properties["Targets"]}
    assert used == named - {"payment-pipeline-orchestration"}


def test_builds_can_be_started_exactly_for_the_pipelines_projects(assembly: Assembly) -> None:
    startable = {}
    for role in ("start-builds", "start-healing"):
        (statement,) = permissions(assembly, SETTINGS.name, f"payment-pipeline-{role}")
        startable[role] = {arn.rsplit("/", 1)[1] for arn in statement["Resource"]}
    projects = {p.properties["Name"] for p in assembly.resources(SETTINGS.name, "AWS::CodeBuild::Project")}
    assert startable["start-healing"] == {f"payment-pipeline-{e.suffix}-heal" for e in PIPELINE_ENVIRONMENTS}
    assert startable["start-builds"] == projects - startable["start-healing"]


def test_only_what_reads_the_repository_uses_the_connection(assembly: Assembly) -> None:
    users = {
        policy.properties["ManagedPolicyName"]
        for policy in assembly.resources(SETTINGS.name, "AWS::IAM::ManagedPolicy")
        if "codeconnections:UseConnection" in actions(statements(policy))
    }
    assert users == {"payment-pipeline-source", "payment-pipeline-heal"}


def test_only_the_release_builds_read_this_pipelines_history_and_none_reads_anothers(assembly: Assembly) -> None:
    readers = {
        policy.properties["ManagedPolicyName"]: statement
        for stack in OWN_STACKS
        for policy in assembly.resources(stack, "AWS::IAM::ManagedPolicy")
        for statement in statements(policy)
        if any(action.startswith("codepipeline:") for action in as_list(statement["Action"]))
    }
    (pipeline,) = assembly.resources(SETTINGS.name, "AWS::CodePipeline::Pipeline")
    arn = f"arn:aws:codepipeline:{SETTINGS.region}:{SETTINGS.account}:{pipeline.properties['Name']}"
    assert readers == {
        "payment-pipeline-release": {
            "Action": ["codepipeline:GetPipelineState", "codepipeline:ListActionExecutions"],
            "Effect": "Allow",
            "Resource": arn,
        }
    }


def test_only_the_synth_build_writes_the_cache_that_all_builds_run_from(assembly: Assembly) -> None:
    writers = {
        policy.properties["ManagedPolicyName"]
        for policy in assembly.resources(SETTINGS.name, "AWS::IAM::ManagedPolicy")
        for statement in statements(policy)
        if "s3:PutObject" in as_list(statement["Action"]) and "/cache/*" in json.dumps(statement["Resource"])
    }
    assert writers == {"payment-pipeline-synth"}


def test_each_build_assumes_only_what_its_work_needs(assembly: Assembly) -> None:
    def roles(purpose: str) -> set[str]:
        return {f"arn:aws:iam::{e.account}:role/payment-{e.suffix}-{purpose}" for e in PIPELINE_ENVIRONMENTS}

    def bootstrap(purpose: str, *accounts: str) -> set[str]:
        return {f"arn:aws:iam::{a}:role/cdk-hnb659fds-{purpose}-role-{a}-us-east-1" for a in accounts}

    targets = [e.account for e in PIPELINE_ENVIRONMENTS]
    expected = {
        "synth": set(),
        "self-mutation": bootstrap("deploy", SETTINGS.account) | bootstrap("file-publishing", SETTINGS.account),
        "assets": bootstrap("file-publishing", *targets),
        "release": roles("release"),
        "heal": roles("release"),
        "test": roles("integration-test"),
    }
    found = {name: assumable(permissions(assembly, SETTINGS.name, f"payment-pipeline-{name}")) for name in expected}
    assert found == expected


def trust(assembly: Assembly, environment: Environment, role: str) -> list[Statement]:
    (found,) = [
        each
        for each in assembly.resources(names.access_stack(environment.suffix), "AWS::IAM::Role")
        if each.properties["RoleName"] == f"payment-{environment.suffix}-{role}"
    ]
    statements: list[Statement] = found.properties["AssumeRolePolicyDocument"]["Statement"]
    assert {statement["Action"] for statement in statements} == {"sts:AssumeRole"}
    return statements


def admits_only(statement: Statement, account: str, roles: Sequence[str]) -> None:
    """Nobody of the account but these roles."""
    assert account in json.dumps(statement["Principal"])
    assert list(statement["Condition"]) == ["ArnLike"]
    assert as_list(statement["Condition"]["ArnLike"]["aws:PrincipalArn"]) == list(roles)


@by_environment
def test_a_release_is_moved_by_the_pipeline_and_by_its_environments_operators(
    assembly: Assembly, environment: Environment
) -> None:
    pipeline, people = trust(assembly, environment, "release")
    of_pipeline = [f"arn:aws:iam::{SETTINGS.account}:role/payment-pipeline-{name}" for name in ("release", "heal")]
    admits_only(pipeline, SETTINGS.account, of_pipeline)
    assert environment.release.operators
    admits_only(people, environment.account, environment.release.operators)


@by_environment
def test_the_idle_colour_is_asked_by_the_pipelines_tests_and_by_the_controller(
    assembly: Assembly, environment: Environment
) -> None:
    tests, controller = trust(assembly, environment, "integration-test")
    admits_only(tests, SETTINGS.account, [f"arn:aws:iam::{SETTINGS.account}:role/payment-pipeline-test"])
    # The controller itself asks, whoever began it.
    assert controller["Principal"] == {"AWS": ANY}
    assert "Release" in json.dumps(controller["Principal"])


def test_no_person_moves_the_release_of_a_branch(pull_request: Assembly) -> None:
    environment = pull_request_environment("pr-12")
    (build,) = trust(pull_request, environment, "release")
    admits_only(build, environment.account, [f"arn:aws:iam::{environment.account}:role/payment-branches-build"])


@by_environment
def test_release_role_changes_nothing_but_traffic_records_and_its_stacks(
    assembly: Assembly, environment: Environment
) -> None:
    stack = names.access_stack(environment.suffix)
    allowed = permissions(assembly, stack, names.release_role(environment.suffix))
    reading = ("Describe", "List", "Get", "GET", "Query", "Decrypt")
    assert {a for a in actions(allowed) if not a.split(":")[1].startswith(reading)} == {
        "cloudformation:UpdateStack",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "kms:GenerateDataKey",
        "s3:PutObject",
        "sns:Publish",
        "sts:AssumeRole",
        "ssm:PutParameter",
        "lambda:UpdateAlias",
        "lambda:DeleteFunction",
        "lambda:PutProvisionedConcurrencyConfig",
        "lambda:DeleteProvisionedConcurrencyConfig",
        "lambda:InvokeFunction",
        "elasticloadbalancing:ModifyRule",
        "apigateway:PATCH",
    }
    for statement in allowed:
        if "lambda:InvokeFunction" in as_list(statement["Action"]):
            assert as_list(statement["Resource"]) == [
                f"arn:aws:lambda:us-east-1:{environment.account}:function:payment-{environment.suffix}-migration"
            ]
        if "lambda:DeleteFunction" in as_list(statement["Action"]):
            assert all(arn.endswith(":*") for arn in as_list(statement["Resource"]))
        if "dynamodb:PutItem" in as_list(statement["Action"]):
            assert as_list(statement["Resource"]) == [
                f"arn:aws:dynamodb:us-east-1:{environment.account}:table/payment-{environment.suffix}-releases"
            ]


@by_environment
def test_test_role_only_reads_and_calls_the_idle_colours_way_in_and_what_no_request_reaches(
    assembly: Assembly, environment: Environment
) -> None:
    stack = names.access_stack(environment.suffix)
    allowed = permissions(assembly, stack, names.integration_test_role(environment.suffix))
    reading = ("Describe", "List", "Get", "GET", "Query", "Scan", "Decrypt")
    assert {a for a in actions(allowed) if not a.split(":")[1].startswith(reading)} == {
        "execute-api:Invoke",
        "lambda:InvokeFunction",
    }
    (invoke,) = [s for s in allowed if s["Action"] == "execute-api:Invoke"]
    assert {arn.rsplit(":", 1)[1] for arn in invoke["Resource"]} == {"*/preview-blue/*", "*/preview-green/*"}
    # Never a function that has colours: who may invoke it passes by the API, its signature and its validation.
    (invoke,) = [s for s in allowed if s["Action"] == "lambda:InvokeFunction"]
    assert {arn.rsplit(":", 1)[1] for arn in invoke["Resource"]} == {
        f"payment-{environment.suffix}-{name}" for name in ("migration", "rotation", "sweeper")
    }


@by_environment
def test_no_access_reaches_another_environment(assembly: Assembly, environment: Environment) -> None:
    text = json.dumps(assembly.templates[names.access_stack(environment.suffix)])
    for other in PIPELINE_ENVIRONMENTS:
        if other is not environment:
            assert other.account not in text
            assert f"payment-{other.suffix}-" not in text
            assert f"/payment/{other.suffix}/" not in text


@by_environment
def test_deploy_role_may_resolve_the_templates_parameters(assembly: Assembly, environment: Environment) -> None:
    (policy,) = [
        each
        for each in assembly.resources(names.access_stack(environment.suffix), "AWS::IAM::ManagedPolicy")
        if each.properties["ManagedPolicyName"] == f"payment-{environment.suffix}-deploy-parameters"
    ]
    account = environment.account
    assert policy.properties["Roles"] == [f"cdk-hnb659fds-deploy-role-{account}-us-east-1"]
    (statement,) = statements(policy)
    assert set(statement["Action"]) == {"ssm:GetParameter", "ssm:GetParameters"}
    prefix = f"arn:aws:ssm:us-east-1:{account}:parameter"
    assert statement["Resource"] == f"{prefix}/payment/{environment.suffix}/*"
    for stack in names.stacks(environment.suffix):
        for parameter in assembly.templates[stack].get("Parameters", {}).values():
            if parameter["Type"].startswith("AWS::SSM::Parameter::Value") and "Default" in parameter:
                default = parameter["Default"]
                assert default.startswith((f"/payment/{environment.suffix}/", "/cdk-bootstrap/")), default


@pytest.mark.parametrize(
    ("actions", "resources", "reason"),
    [
        (["s3:Get*"], ["arn:aws:s3:::a"], None),
        (["s3:GetObject"], ["arn:aws:s3:::a/*"], None),
        (["s3:GetObject"], ["arn:aws:s3:::a/b"], "A reason for what is not there."),
    ],
    ids=["action", "unexplained resource", "needless reason"],
)
def test_a_grant_explains_each_wildcard(actions: list[str], resources: list[str], reason: str | None) -> None:
    with pytest.raises(UnexplainedWildcard):
        Grant(actions=actions, resources=resources, wildcard_reason=reason)
