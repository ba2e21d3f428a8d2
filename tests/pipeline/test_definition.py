"""The synthesized pipeline, read as CodePipeline reads it."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.builds import LOCK_FILES
from pipeline.settings import SETTINGS
from release import names
from stages.environments import PIPELINE_ENVIRONMENTS, Environment
from tests.pipeline.synthesis import ROOT, Assembly

Action = Mapping[str, Any]

# CDK Pipelines writes it itself for the assembly that the guard compares with what is deployed.
LINK_ASSEMBLY = 'ln -s -- "$CODEBUILD_SRC_DIR_Synth_Output" "cdk.out"'
BUILD_COMMAND = re.compile(
    r"make [a-z]+"
    r"|\.venv/bin/python -m [a-z_.]+( (?!.*[|;&`]).*)?"
    r'|[A-Z_]+="\$\(\.venv/bin/python -m [a-z_.]+ [^|;&`)]*\)"'
    r"|export( [A-Z_]+)+"
)

STAGES = [environment.suffix.capitalize() for environment in PIPELINE_ENVIRONMENTS]
by_environment = pytest.mark.parametrize("environment", PIPELINE_ENVIRONMENTS, ids=lambda e: e.suffix)


@pytest.fixture(scope="module")
def pipeline(assembly: Assembly) -> Mapping[str, Any]:
    (found,) = assembly.resources(SETTINGS.name, "AWS::CodePipeline::Pipeline")
    return found.properties


@pytest.fixture(scope="module")
def stages(pipeline: Mapping[str, Any]) -> dict[str, list[Action]]:
    return {stage["Name"]: stage["Actions"] for stage in pipeline["Stages"]}


@pytest.fixture(scope="module")
def projects(assembly: Assembly) -> dict[str, Mapping[str, Any]]:
    found = assembly.resources(SETTINGS.name, "AWS::CodeBuild::Project")
    return {project.properties["Name"]: project.properties for project in found}


def build_spec(project: Mapping[str, Any]) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = json.loads(project["Source"]["BuildSpec"])
    return spec


def commands(project: Mapping[str, Any]) -> list[str]:
    phases = build_spec(project)["phases"]
    return [command for phase in ("install", "build") for command in phases[phase]["commands"]]


def in_order(actions: list[Action]) -> list[list[str]]:
    """Names of actions, those that run at the same time together."""
    orders = sorted({action["RunOrder"] for action in actions})
    return [[action["Name"] for action in actions if action["RunOrder"] == order] for order in orders]


def test_source_is_followed_by_synth_self_mutation_assets_and_the_environments(
    stages: dict[str, list[Action]],
) -> None:
    assert list(stages) == ["Source", "Build", "UpdatePipeline", "Assets", *STAGES]


@by_environment
def test_steps_run_strictly_one_after_the_other_around_the_deployment(
    stages: dict[str, list[Action]], environment: Environment
) -> None:
    groups = in_order(stages[environment.suffix.capitalize()])
    names_in_order = [name for group in groups for name in group]
    deployments = [name for name in names_in_order if name.startswith(names.prefix(environment.suffix))]
    approval = ["Approve"] if environment.release.approval_required else []

    assert names_in_order == ["Freeze", *deployments, "Migrate", "IntegrationTests", *approval, "Shift", "Verify"]
    steps = [group for group in groups if not group[0].startswith(names.prefix(environment.suffix))]
    assert all(len(group) == 1 for group in steps), groups


@by_environment
def test_every_stack_is_deployed_by_a_change_set_after_the_freeze(
    stages: dict[str, list[Action]], environment: Environment
) -> None:
    actions = {action["Name"]: action for action in stages[environment.suffix.capitalize()]}
    for stack in names.stacks(environment.suffix):
        prepare, deploy = actions[f"{stack}.Prepare"], actions[f"{stack}.Deploy"]
        assert prepare["Configuration"]["ActionMode"] == "CHANGE_SET_REPLACE"
        assert deploy["Configuration"]["ActionMode"] == "CHANGE_SET_EXECUTE"
        assert actions["Freeze"]["RunOrder"] < prepare["RunOrder"] < deploy["RunOrder"]


def test_only_prod_asks_a_person(stages: dict[str, list[Action]]) -> None:
    asking = [
        name for name, actions in stages.items() if any(a["ActionTypeId"]["Category"] == "Approval" for a in actions)
    ]
    assert asking == ["Prod"]


def test_approver_reads_commit_versions_and_test_results_that_the_tests_export(
    stages: dict[str, list[Action]], projects: dict[str, Mapping[str, Any]]
) -> None:
    actions = {action["Name"]: action for action in stages["Prod"]}
    text = actions["Approve"]["Configuration"]["CustomData"]
    namespace = actions["IntegrationTests"]["Namespace"]
    shown = re.findall(rf"#\{{{re.escape(namespace)}\.([A-Z_]+)\}}", text)

    project = projects["payment-pipeline-prod-integrationtests"]
    assert set(shown) == {"SOURCE_COMMIT", "RELEASE_SUMMARY", "TEST_SUMMARY"}
    assert set(build_spec(project)["env"]["exported-variables"]) == set(shown)
    (exported,) = [
        command
        for command in commands(projects["payment-pipeline-prod-integrationtests"])
        if command.startswith("export ")
    ]
    assert set(exported.split()[1:]) == set(shown)
    assert len(text) < 1000 - 300, "CodePipeline cuts the text at 1000 characters, the values included"


def test_a_push_to_main_is_the_only_trigger(pipeline: Mapping[str, Any], stages: dict[str, list[Action]]) -> None:
    (trigger,) = pipeline["Triggers"]
    (source,) = stages["Source"]
    assert trigger["GitConfiguration"]["Push"] == [{"Branches": {"Includes": ["main"]}}]
    assert trigger["GitConfiguration"]["SourceActionName"] == source["Name"]
    assert source["Configuration"]["DetectChanges"] is False
    assert source["Configuration"]["BranchName"] == "main"


def test_a_newer_push_supersedes_and_a_new_definition_restarts(pipeline: Mapping[str, Any]) -> None:
    assert pipeline["PipelineType"] == "V2"
    assert pipeline["ExecutionMode"] == "SUPERSEDED"
    assert pipeline["RestartExecutionOnUpdate"] is True


def test_every_command_of_ours_is_a_make_target_or_a_python_module(projects: dict[str, Mapping[str, Any]]) -> None:
    ours = {
        name: project for name, project in projects.items() if "Cache" in project and project["Cache"]["Type"] == "S3"
    }
    assert len(ours) == 1 + 6 * len(PIPELINE_ENVIRONMENTS)
    for name, project in ours.items():
        of_cdk = [command for command in commands(project) if command.endswith(LINK_ASSEMBLY)]
        assert len(of_cdk) == (1 if name.endswith("-freeze") else 0), name
        own = [command for command in commands(project) if command not in of_cdk]
        for command in own:
            assert BUILD_COMMAND.fullmatch(command), f"{name}: {command}"
        assert own[0] == "make setup"


@by_environment
def test_what_holds_data_is_guarded_before_anything_is_frozen_or_deployed(
    projects: dict[str, Mapping[str, Any]], environment: Environment
) -> None:
    guard, freeze = commands(projects[f"payment-pipeline-{environment.suffix}-freeze"])[-2:]
    assert f"-m release guard --suffix {environment.suffix}" in guard
    assert "-m release freeze" in freeze


@pytest.mark.parametrize("command", ["pip install x && pytest", "bash run.sh", ".venv/bin/python -m x; rm -r y"])
def test_shell_programs_would_be_noticed(command: str) -> None:
    assert not BUILD_COMMAND.fullmatch(command)


@by_environment
def test_controller_works_with_the_environments_own_role_and_commit(
    projects: dict[str, Mapping[str, Any]], environment: Environment
) -> None:
    suffix = environment.suffix
    role = f"arn:aws:iam::{environment.account}:role/payment-{suffix}-release"
    for step in ("freeze", "migrate", "shift", "verify"):
        (command,) = [c for c in commands(projects[f"payment-pipeline-{suffix}-{step}"]) if f"-m release {step} " in c]
        assert f"-m release {step} --suffix {suffix} --role-arn {role}" in command
    for step in ("freeze", "shift"):
        assert '--commit "$SOURCE_COMMIT"' in commands(projects[f"payment-pipeline-{suffix}-{step}"])[-1]


@by_environment
def test_a_shift_names_who_approved_in_its_execution_or_the_execution_where_nobody_is_asked(
    stages: dict[str, list[Action]], projects: dict[str, Mapping[str, Any]], environment: Environment
) -> None:
    stage = names.pipeline_stage(environment.suffix)
    actions = {action["Name"]: action for action in stages[stage]}
    approver = '--approved-in "$PIPELINE_EXECUTION_ID"'
    nobody = '--approved-by "execution $PIPELINE_EXECUTION_ID"'
    command = commands(projects[f"payment-pipeline-{environment.suffix}-shift"])[-1]
    assert (approver in command, nobody in command) == ("Approve" in actions, "Approve" not in actions)
    variables = {v["name"]: v["value"] for v in json.loads(actions["Shift"]["Configuration"]["EnvironmentVariables"])}
    assert variables["PIPELINE_EXECUTION_ID"] == "#{codepipeline.PipelineExecutionId}"


def test_all_steps_work_on_the_commit_of_their_execution(stages: dict[str, list[Action]]) -> None:
    (source,) = stages["Source"]
    (checkout,) = source["OutputArtifacts"]
    steps = [
        action for stage in STAGES for action in stages[stage] if action["ActionTypeId"]["Provider"] == "CodeBuild"
    ]
    assert len(steps) == 5 * len(STAGES)
    for action in steps:
        assembly = [{"Name": "Synth_Output"}] if action["Name"] == "Freeze" else []
        assert action["InputArtifacts"] == [checkout, *assembly]
        variables = {
            each["name"]: each["value"] for each in json.loads(action["Configuration"]["EnvironmentVariables"])
        }
        assert variables["SOURCE_COMMIT"] == f"#{{{source['Namespace']}.CommitId}}"


@by_environment
def test_an_execution_that_ends_half_way_has_every_environment_healed(
    assembly: Assembly, projects: dict[str, Mapping[str, Any]], environment: Environment
) -> None:
    (rule,) = assembly.resources(SETTINGS.name, "AWS::Events::Rule")
    assert rule.properties["State"] == "ENABLED"
    assert rule.properties["EventPattern"] == {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Pipeline Execution State Change"],
        "detail": {"pipeline": ["payment-pipeline"], "state": ["FAILED", "STOPPED", "CANCELED", "SUPERSEDED"]},
    }
    suffix = environment.suffix
    project = projects[f"payment-pipeline-{suffix}-heal"]
    by_id = {r.logical_id: r.properties for r in assembly.resources(SETTINGS.name, "AWS::CodeBuild::Project")}
    assert project in [by_id[target["Arn"]["Fn::GetAtt"][0]] for target in rule.properties["Targets"]]
    role = f"arn:aws:iam::{environment.account}:role/payment-{suffix}-release"
    assert commands(project)[-2].endswith(f"release heal --suffix {suffix} --role-arn {role} --ok-if-nothing")
    assert (project["Source"]["Type"], project["SourceVersion"]) == ("GITHUB", "main")


def test_builds_run_on_arm_with_an_encrypted_log_that_is_kept(
    assembly: Assembly, projects: dict[str, Mapping[str, Any]]
) -> None:
    (log_group,) = assembly.resources(SETTINGS.name, "AWS::Logs::LogGroup")
    assert log_group.properties["RetentionInDays"] == 90
    assert "KmsKeyId" in log_group.properties
    for project in projects.values():
        assert project["Environment"]["Type"] == "ARM_CONTAINER"
        assert project["Environment"]["PrivilegedMode"] is False
        assert project["LogsConfig"]["CloudWatchLogs"]["GroupName"] == {"Ref": log_group.logical_id}


def test_cache_is_keyed_by_the_lock_files_that_exist(projects: dict[str, Mapping[str, Any]]) -> None:
    for lock in LOCK_FILES:
        assert (ROOT / lock).is_file()
        assert lock in build_spec(projects["payment-pipeline-synth"])["cache"]["key"]


def test_one_project_publishes_the_assets_of_all_environments(
    assembly: Assembly, stages: dict[str, list[Action]], projects: dict[str, Mapping[str, Any]]
) -> None:
    assert len(stages["Assets"]) == 1
    spec = (assembly.directory / projects["payment-pipeline-assets"]["Source"]["BuildSpec"]).read_text()
    for environment in PIPELINE_ENVIRONMENTS:
        assert f"assembly-payment-pipeline-{environment.suffix.capitalize()}/" in spec
