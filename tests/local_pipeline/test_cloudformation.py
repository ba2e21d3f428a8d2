"""CloudFormation actions against a fake that settles after a few looks, with a clock that does not wait."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.pipeline.actions import cloudformation
from local.pipeline.actions.cloudformation import INLINE_TEMPLATE_BYTES
from local.pipeline.actions.context import ActionContext, ActionResult, Ports
from local.pipeline.approvals import ApprovalDesk
from local.pipeline.artifacts import pack
from local.pipeline.codebuild.cache import BuildCache
from local.pipeline.codebuild.ledger import BuildLedger
from local.pipeline.errors import AbandonedError, ActionFailedError
from local.pipeline.executions import ExecutionStore
from local.pipeline.model import parse_pipeline
from local.pipeline.settings import PipelineSettings
from tests.local_pipeline.cloud import FakeCloud
from tests.local_pipeline.world import KEY, FakeGit, action, definition, role, stage

TEMPLATE = {"Resources": {"A": 1}, "Outputs": {"FunctionName": "f"}}
SET = {"StackName": "app", "ActionMode": "CHANGE_SET_REPLACE", "ChangeSetName": "Change", "TemplatePath": "Asm::t.json"}
EXECUTE = {"StackName": "app", "ActionMode": "CHANGE_SET_EXECUTE", "ChangeSetName": "Change"}
DEPLOY = {"StackName": "app", "ActionMode": "CREATE_UPDATE", "TemplatePath": "Asm::t.json"}


class NoClock:
    """Time passes without being waited for."""

    def now(self) -> float:
        return 0.0

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.is_set()


class Reports:
    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def __call__(self, **found: str) -> None:
        self.known |= {name: value for name, value in found.items() if value}


class Lab:
    """Runs single CloudFormation actions of one execution."""

    def __init__(self, directory: Path) -> None:
        self.cloud, self.reports, self._directory = FakeCloud(), Reports(), directory
        pipeline = parse_pipeline({"name": KEY.name, "version": 1, **definition()})
        self.execution = ExecutionStore().create(key=KEY, pipeline=pipeline, trigger=("t", ""), restarts=0, now=0)

    def template(self, template: Any, **files: Any) -> None:
        contents = {"t.json": template, **{f"{name}.json": body for name, body in files.items()}}
        for name, body in contents.items():
            (self._directory / name).write_text(json.dumps(body))
        body = pack(self._directory, [self._directory / name for name in contents])
        self.execution.artifacts.put(self.cloud.session(), "Asm", body)

    def run(self, configuration: dict[str, str]) -> ActionResult:
        clock = NoClock()
        ports = Ports(
            settings=PipelineSettings(
                repository=self._directory, work_dir=self._directory, cache_dir=self._directory, path=""
            ),
            git=FakeGit({}),
            approver=ApprovalDesk(clock),
            clock=clock,
            cache=BuildCache(self._directory),
            builds=BuildLedger(),
            account_session=self.cloud.session,
            machine={},
            announce=lambda _: None,
        )
        shape = action("Deploy", "Deploy", "CloudFormation", configuration)
        deploy = parse_pipeline({"name": "p", **definition(stage("Dev", shape))}).stages[1].actions[0]
        account = self.cloud.session()
        pipeline_session = account.assume(role("pipeline"), "s")
        return cloudformation.run(
            ActionContext(
                execution=self.execution,
                stage="Dev",
                action=replace(deploy, configuration=configuration),
                session=pipeline_session.assume(role("deploy"), "s"),
                pipeline_session=pipeline_session,
                account_session=account,
                directory=self._directory,
                ports=ports,
                report=self.reports,
            )
        )

    def status(self) -> str:
        return str(self.cloud.stacks.stacks["app"]["StackStatus"])


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = Lab(tmp_path)
    made.template(TEMPLATE)
    return made


def test_a_change_set_creates_a_stack_and_its_execution_answers_the_outputs(lab: Lab) -> None:
    assert lab.run(SET).variables == {}
    assert lab.run(EXECUTE).variables == {"FunctionName": "f"}
    assert lab.status() == "CREATE_COMPLETE"
    assert lab.reports.known["external_id"] == "id-of-app"
    assert lab.cloud.roles_of("cloudformation", "create_change_set") == {"deploy"}


def test_a_second_change_set_updates_and_replaces_one_that_was_left_over(lab: Lab) -> None:
    lab.run(SET)
    lab.run(EXECUTE)
    lab.template({"Resources": {"A": 2}})
    lab.run(SET)
    lab.run(SET)
    lab.run(EXECUTE)
    assert lab.status() == "UPDATE_COMPLETE"
    assert [given["ChangeSetType"] for given in lab.cloud.stacks.given] == ["CREATE", "UPDATE", "UPDATE"]


def test_a_change_set_that_a_first_execution_left_in_review_is_made_again(lab: Lab) -> None:
    lab.run(SET)
    lab.run(SET)
    lab.run(EXECUTE)
    assert lab.status() == "CREATE_COMPLETE"


def test_empty_change_sets_succeed_and_are_not_executed(lab: Lab) -> None:
    for configuration in (SET, EXECUTE, SET, EXECUTE):
        result = lab.run(configuration)
    assert result.variables == {"FunctionName": "f"}
    assert [operation for _, _, operation in lab.cloud.calls].count("execute_change_set") == 1


def test_a_large_template_goes_through_the_bucket_under_the_pipelines_role(lab: Lab) -> None:
    lab.template({**TEMPLATE, "Metadata": "x" * INLINE_TEMPLATE_BYTES})
    lab.run(SET)
    given = lab.cloud.stacks.given[0]
    assert "TemplateBody" not in given
    assert given["TemplateURL"].startswith("https://s3.us-east-1.amazonaws.com/artifacts/payments/")
    assert "pipeline" in lab.cloud.roles_of("s3", "put_object")
    assert "deploy" not in lab.cloud.roles_of("s3", "put_object")


def test_parameters_tags_capabilities_and_role_are_handed_on(lab: Lab) -> None:
    lab.template(TEMPLATE, extra={"Parameters": {"A": "1", "B": "1"}, "Tags": {"Team": "payments"}})
    more = {
        "TemplateConfiguration": "Asm::extra.json",
        "ParameterOverrides": '{"B": "2"}',
        "Capabilities": "CAPABILITY_NAMED_IAM,CAPABILITY_AUTO_EXPAND",
        "RoleArn": role("execute"),
    }
    lab.run({**SET, **more})
    given = lab.cloud.stacks.given[0]
    assert {p["ParameterKey"]: p["ParameterValue"] for p in given["Parameters"]} == {"A": "1", "B": "2"}
    assert given["Tags"] == [{"Key": "Team", "Value": "payments"}]
    assert given["Capabilities"] == ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert given["RoleARN"] == role("execute")


@pytest.mark.parametrize("mode", ["CREATE_UPDATE", "REPLACE_ON_FAILURE"])
def test_one_step_modes_create_update_and_accept_no_change(lab: Lab, mode: str) -> None:
    deploy = {**DEPLOY, "ActionMode": mode}
    assert lab.run(deploy).variables == {"FunctionName": "f"}
    assert lab.run(deploy).variables == {"FunctionName": "f"}
    assert lab.status() == "CREATE_COMPLETE"
    lab.template({"Resources": {"A": 2}})
    lab.run(deploy)
    assert lab.status() == "UPDATE_COMPLETE"


def test_a_failed_stack_names_the_resource_of_this_operation_that_failed_first(lab: Lab) -> None:
    lab.template({"Fail": "Broken"})
    with pytest.raises(ActionFailedError, match="app is ROLLBACK_COMPLETE: Broken: no luck"):
        lab.run(DEPLOY)


@pytest.mark.parametrize("configuration", [SET, DEPLOY])
def test_a_rolled_back_first_deployment_blocks_the_next_as_on_aws(lab: Lab, configuration: dict[str, str]) -> None:
    lab.cloud.stacks.put("app", "ROLLBACK_COMPLETE")
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        lab.run(configuration)


def test_replace_on_failure_deletes_it_first(lab: Lab) -> None:
    lab.cloud.stacks.put("app", "ROLLBACK_COMPLETE")
    lab.run({**DEPLOY, "ActionMode": "REPLACE_ON_FAILURE"})
    assert lab.status() == "CREATE_COMPLETE"
    assert lab.cloud.roles_of("cloudformation", "delete_stack") == {"deploy"}


def test_delete_only_is_content_when_there_is_nothing(lab: Lab) -> None:
    delete = {"StackName": "app", "ActionMode": "DELETE_ONLY"}
    lab.run(delete)
    lab.run(DEPLOY)
    lab.run(delete)
    assert lab.status() == "DELETE_COMPLETE"


def test_waiting_ends_when_the_execution_is_abandoned(lab: Lab) -> None:
    lab.cloud.stacks.put("app", "UPDATE_IN_PROGRESS")
    lab.execution.abandoned.set()
    with pytest.raises(AbandonedError):
        lab.run(DEPLOY)
