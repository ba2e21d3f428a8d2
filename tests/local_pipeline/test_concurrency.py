"""Several executions, changed definitions, stops and retries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.pipeline.errors import ApiError
from local.pipeline.executions import Execution, Status
from local.pipeline.planner import RESTART_CAP
from tests.local_pipeline.test_build_process import gone
from tests.local_pipeline.world import KEY, World, approval_action, build_action, definition, project, stage

ASKING = definition(stage("Prod", approval_action("Ask")), stage("After", approval_action("Last")))


def reason(world: World, operation: str, **request: Any) -> str:
    with pytest.raises(ApiError) as caught:
        world.call(operation, pipelineName=KEY.name, **request)
    return caught.value.code


def waiting_at(world: World, stage_name: str, execution: Execution) -> None:
    world.wait_for(lambda: world.store.gate(KEY, stage_name).waiting == execution.number, "a place in the queue")


def test_an_approval_holds_its_stage_and_the_newest_push_takes_the_queue(world: World) -> None:
    world.define(ASKING)
    first = world.start()
    world.approval(first, "Prod", "Ask")
    second = world.start()
    waiting_at(world, "Prod", second)
    third = world.start()
    assert world.end_of(second) is Status.SUPERSEDED
    assert first.status is Status.IN_PROGRESS
    waiting_at(world, "Prod", third)
    world.approve(first, "Prod", "Ask")
    world.approve(third, "Prod", "Ask")
    assert "newer execution" in second.status_summary
    world.approve(first, "After", "Last")
    assert world.end_of(first) is Status.SUCCEEDED
    world.approve(third, "After", "Last")
    assert world.end_of(third) is Status.SUCCEEDED
    told = [json.loads(entry["Detail"]) for entry in world.announced]
    assert (told[0]["execution-id"], told[0]["state"]) == (second.id, "SUPERSEDED")


def test_a_failed_stage_lets_the_next_execution_in(world: World) -> None:
    world.define(ASKING)
    first = world.start()
    world.approval(first, "Prod", "Ask")
    second = world.start()
    waiting_at(world, "Prod", second)
    world.approve(first, "Prod", "Ask", status="Rejected")
    world.approval(second, "Prod", "Ask")
    assert first.status is Status.FAILED
    (entry,) = world.announced
    assert (entry["Source"], json.loads(entry["Detail"])["state"]) == ("aws.codepipeline", "FAILED")


# -- a definition that changes ------------------------------------------------------------------------


def self_mutating(world: World, *, times: int) -> None:
    """A pipeline whose builds change its definition, `times` times in all."""
    shape = definition(stage("Update", build_action("Mutate")), stage("Dev", build_action("Deploy")))
    left = iter(range(times))
    world.cloud.on_build = lambda: world.redefine(shape) if next(left, None) is not None else None
    world.projects(project("mutate", "true"), project("deploy", "true"))
    world.define(shape)


def test_a_changed_definition_restarts_with_the_newest_commit_after_the_running_action(world: World) -> None:
    self_mutating(world, times=1)
    first = world.start()
    world.git.push("c2", {"file.txt": "newer"})
    assert world.end_of(first) is Status.CANCELLED
    second = world.store.of(KEY)[1]
    assert world.end_of(second) is Status.SUCCEEDED
    assert [a.action.name for a in first.actions] == ["Push", "Mutate"]
    assert first.actions[1].status is Status.SUCCEEDED
    assert [a.action.name for a in second.actions] == ["Push", "Mutate", "Deploy"]
    assert (second.pipeline.version, second.restarts) == (2, 1)
    assert second.revisions["Push"].commit_id == "c2"


def test_the_successor_and_its_commit_exist_before_anybody_sees_the_cancellation(world: World) -> None:
    self_mutating(world, times=1)
    first = world.start()
    world.wait_for(lambda: first.status is Status.CANCELLED, "the cancellation")
    assert [e.revisions["Push"].commit_id for e in world.store.of(KEY)] == ["c1", "c1"]
    assert json.loads(world.announced[0]["Detail"])["state"] == "CANCELED"


def test_a_pipeline_that_keeps_changing_itself_is_given_up(world: World) -> None:
    self_mutating(world, times=RESTART_CAP + 3)
    world.start()
    world.wait_for(lambda: len(world.store.of(KEY)) == RESTART_CAP + 1, "all restarts")
    last = world.store.of(KEY)[-1]
    assert world.end_of(last) is Status.FAILED
    assert last.status_summary == "the pipeline keeps changing itself"
    assert len(world.store.of(KEY)) == RESTART_CAP + 1


def test_an_approval_of_an_old_definition_is_no_longer_asked_for(world: World) -> None:
    world.define(ASKING)
    first = world.start()
    token = world.approval(first, "Prod", "Ask").token
    world.redefine(ASKING)
    assert world.end_of(first) is Status.CANCELLED
    assert first.actions[-1].status is Status.ABANDONED
    second = world.store.of(KEY)[1]
    assert world.approval(second, "Prod", "Ask").token != token
    answer = {"stageName": "Prod", "actionName": "Ask", "token": token, "result": {"status": "Approved"}}
    assert reason(world, "PutApprovalResult", **answer) == "InvalidApprovalTokenException"


def test_without_restart_on_update_nothing_follows_a_cancelled_execution(world: World) -> None:
    world.define(ASKING, restart=False)
    first = world.start()
    world.approval(first, "Prod", "Ask")
    world.redefine(ASKING, restart=False)
    assert world.end_of(first) is Status.CANCELLED
    assert world.store.of(KEY) == [first]


def test_a_change_while_nothing_runs_starts_the_pipeline(world: World) -> None:
    world.define(ASKING)
    world.redefine(ASKING)
    assert world.store.of(KEY)[0].trigger_detail == "the definition changed to version 2"


# -- stop ---------------------------------------------------------------------------------------------

SLOW = "echo $$ > {file}; sleep 60"


def slow_pipeline(world: World, directory: Path) -> Execution:
    world.projects(project("slow", SLOW.format(file=directory / "pid")), project("next", "true"))
    world.define(definition(stage("Dev", build_action("Slow"), build_action("Next", order=2))))
    execution = world.start()
    world.wait_for_file(directory / "pid")
    return execution


def test_stop_and_abandon_kills_the_build(world: World, tmp_path: Path) -> None:
    execution = slow_pipeline(world, tmp_path)
    world.call(
        "StopPipelineExecution", pipelineName=KEY.name, pipelineExecutionId=execution.id, abandon=True, reason="r"
    )
    assert world.end_of(execution) is Status.STOPPED
    assert execution.status_summary == "r"
    assert execution.actions[-1].status is Status.ABANDONED
    assert gone(int((tmp_path / "pid").read_text()))
    assert world.builds.overlay({"id": execution.actions[-1].external_id})["buildStatus"] == "STOPPED"


def test_stop_and_wait_lets_the_running_action_end_and_starts_no_other(world: World) -> None:
    world.define(ASKING)
    execution = world.start()
    world.approval(execution, "Prod", "Ask")
    stop = {"pipelineName": KEY.name, "pipelineExecutionId": execution.id}
    world.call("StopPipelineExecution", **stop)
    assert execution.status is Status.STOPPING
    assert reason(world, "StopPipelineExecution", pipelineExecutionId=execution.id) == "DuplicatedStopRequestException"
    world.approve(execution, "Prod", "Ask")
    assert world.end_of(execution) is Status.STOPPED
    assert execution.last("After", "Last") is None
    assert (
        reason(world, "StopPipelineExecution", pipelineExecutionId=execution.id)
        == "PipelineExecutionNotStoppableException"
    )


def test_an_execution_that_waits_for_a_stage_stops_at_once(world: World) -> None:
    world.define(ASKING)
    first = world.start()
    world.approval(first, "Prod", "Ask")
    second = world.start()
    waiting_at(world, "Prod", second)
    world.call("StopPipelineExecution", pipelineName=KEY.name, pipelineExecutionId=second.id)
    assert world.end_of(second) is Status.STOPPED
    assert world.store.gate(KEY, "Prod").waiting == 0


def test_an_approval_that_is_about_to_ask_when_its_execution_is_abandoned_never_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.define(ASKING)
    ask = world.desk.open

    def stop_then_ask(execution_id: str) -> str:
        world.call("StopPipelineExecution", pipelineName=KEY.name, pipelineExecutionId=execution_id, abandon=True)
        return ask(execution_id)

    monkeypatch.setattr(world.desk, "open", stop_then_ask)
    execution = world.start()
    assert world.end_of(execution) is Status.STOPPED
    assert execution.actions[-1].status is Status.ABANDONED


def test_a_stopped_stage_can_be_retried_and_asks_again(world: World) -> None:
    world.define(ASKING)
    execution = world.start()
    token = world.approval(execution, "Prod", "Ask").token
    world.call("StopPipelineExecution", pipelineName=KEY.name, pipelineExecutionId=execution.id, abandon=True)
    assert world.end_of(execution) is Status.STOPPED
    retry = {"stageName": "Prod", "retryMode": "FAILED_ACTIONS"}
    world.call("RetryStageExecution", pipelineName=KEY.name, pipelineExecutionId=execution.id, **retry)
    assert world.approval(execution, "Prod", "Ask").token not in ("", token)


def test_when_the_engine_goes_down_builds_and_approvals_end(world: World, tmp_path: Path) -> None:
    execution = slow_pipeline(world, tmp_path)
    world.runner.shut_down()
    assert world.end_of(execution) is Status.STOPPED
    assert gone(int((tmp_path / "pid").read_text()))
    assert world.announced == []


# -- retry --------------------------------------------------------------------------------------------


def failed(world: World, marker: Path) -> Execution:
    world.projects(project("flaky", f"test -e {marker}"), project("good", "true"), project("next", "true"))
    dev = stage("Dev", build_action("Good"), build_action("Flaky"), build_action("Next", order=2))
    world.define(definition(dev, stage("Prod", approval_action("Ask"))))
    execution = world.start()
    assert world.end_of(execution) is Status.FAILED
    return execution


@pytest.mark.parametrize(
    ("mode", "again"), [("FAILED_ACTIONS", ["Flaky", "Next"]), ("ALL_ACTIONS", ["Good", "Flaky", "Next"])]
)
def test_a_retry_goes_on_where_it_failed(world: World, tmp_path: Path, mode: str, again: list[str]) -> None:
    marker = tmp_path / "healed"
    execution = failed(world, marker)
    before = len(execution.actions)
    marker.touch()
    world.call(
        "RetryStageExecution", pipelineName=KEY.name, pipelineExecutionId=execution.id, stageName="Dev", retryMode=mode
    )
    world.approve(execution, "Prod", "Ask")
    assert world.end_of(execution) is Status.SUCCEEDED
    assert sorted(a.action.name for a in execution.actions[before:-1]) == sorted(again)


def test_what_cannot_be_retried(world: World, tmp_path: Path) -> None:
    execution = failed(world, tmp_path / "never")
    request = {"pipelineExecutionId": execution.id, "stageName": "Dev", "retryMode": "FAILED_ACTIONS"}
    assert reason(world, "RetryStageExecution", **{**request, "stageName": "Nowhere"}) == "StageNotFoundException"
    assert reason(world, "RetryStageExecution", **{**request, "stageName": "Source"}) == "StageNotRetryableException"
    assert reason(world, "RetryStageExecution", **{**request, "retryMode": "SOME"}) == "ValidationException"
    newer = world.start()
    assert world.end_of(newer) is Status.FAILED
    assert reason(world, "RetryStageExecution", **request) == "NotLatestPipelineExecutionException"
