"""The CodePipeline API as boto3 and its clients see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.pipeline.executions import Status
from local.pipeline.watch import WatchTimeoutError, approve, follow
from tests.local_pipeline.server import client, serving
from tests.local_pipeline.world import CALLER, KEY, World, approval_action, build_action, definition, project, stage

SHAPE = definition(
    stage("Build", build_action("Synth", namespace="S")),
    stage("Prod", approval_action("Ask", CustomData="#{S.OUT}?")),
)
SPEC = "{version: 0.2, env: {exported-variables: [OUT]}, phases: {build: {commands: [export OUT=good]}}}"


@pytest.fixture
def codepipeline(world: World) -> Iterator[Any]:
    world.projects(project("synth", buildspec=SPEC))
    with serving(world) as endpoint:
        yield client(endpoint)


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_a_pipeline_is_listed_and_read_with_its_version(world: World, codepipeline: Any) -> None:
    world.define(SHAPE)
    world.define(SHAPE)
    assert [(p["name"], p["version"]) for p in codepipeline.list_pipelines()["pipelines"]] == [("payments", 2)]
    found = codepipeline.get_pipeline(name="payments")
    assert [s["name"] for s in found["pipeline"]["stages"]] == ["Source", "Build", "Prod"]
    assert found["metadata"]["pipelineArn"] == KEY.arn
    assert isinstance(found["metadata"]["created"], datetime)


def test_an_execution_is_followed_approved_and_shown(world: World, codepipeline: Any) -> None:
    world.define(SHAPE)
    revisions = [{"actionName": "Push", "revisionType": "COMMIT_ID", "revisionValue": "c1"}]
    execution_id = codepipeline.start_pipeline_execution(name="payments", sourceRevisions=revisions)[
        "pipelineExecutionId"
    ]
    events = []
    for event in follow(codepipeline, pipeline="payments", timeout_seconds=10):
        events.append(event)
        if event.kind == "approval_wanted":
            assert event.message == "good?"
            approve(codepipeline, pipeline="payments", event=event, summary="fine")
    assert [(e.kind, e.action) for e in events if e.action] == [
        *((kind, "Push") for kind in ("action_started", "action_finished")),
        *((kind, "Synth") for kind in ("action_started", "action_finished")),
        *((kind, "Ask") for kind in ("action_started", "approval_wanted", "action_finished")),
    ]
    assert {e.execution_id for e in events} == {execution_id}
    assert events[-1].status == "Succeeded"
    assert next(e.log for e in events if e.kind == "action_finished" and e.action == "Synth").endswith("/log.txt")

    execution = codepipeline.get_pipeline_execution(pipelineName="payments", pipelineExecutionId=execution_id)
    assert execution["pipelineExecution"]["artifactRevisions"][0]["revisionId"] == "c1"
    summary = codepipeline.list_pipeline_executions(pipelineName="payments")["pipelineExecutionSummaries"][0]
    assert (summary["status"], summary["sourceRevisions"][0]["revisionId"]) == ("Succeeded", "c1")
    details = codepipeline.list_action_executions(
        pipelineName="payments", filter={"pipelineExecutionId": execution_id}
    )["actionExecutionDetails"]
    assert [d["actionName"] for d in details] == ["Ask", "Synth", "Push"]
    assert details[1]["output"]["outputVariables"] == {"OUT": "good"}
    assert details[0]["input"]["resolvedConfiguration"] == {"CustomData": "good?"}
    assert abs((details[0]["startTime"] - datetime.now(UTC)).total_seconds()) < 60
    state = {s["stageName"]: s for s in codepipeline.get_pipeline_state(name="payments")["stageStates"]}
    assert state["Prod"]["latestExecution"] == {"pipelineExecutionId": execution_id, "status": "Succeeded"}
    assert state["Source"]["actionStates"][0]["currentRevision"]["revisionId"] == "c1"
    assert state["Prod"]["actionStates"][0]["latestExecution"]["summary"] == "fine"


def test_the_history_of_an_execution_says_who_answered_each_time_that_it_asked(world: World, codepipeline: Any) -> None:
    world.projects(project("shift", "exit 1"))
    world.define(definition(stage("Prod", approval_action("Ask"), build_action("Shift", order=2))))
    other = world.start()
    world.approve(other, "Prod", "Ask", status="Rejected")
    world.end_of(other)
    execution = world.start()
    world.approve(execution, "Prod", "Ask")
    world.end_of(execution)
    codepipeline.retry_stage_execution(
        pipelineName="payments", pipelineExecutionId=execution.id, stageName="Prod", retryMode="ALL_ACTIONS"
    )
    world.approve(execution, "Prod", "Ask", status="Rejected")
    world.end_of(execution)

    def history(execution_id: str) -> list[tuple[str, str, str | None]]:
        pages = codepipeline.get_paginator("list_action_executions").paginate(
            pipelineName="payments", filter={"pipelineExecutionId": execution_id}, PaginationConfig={"PageSize": 1}
        )
        details = [detail for page in pages for detail in page["actionExecutionDetails"]]
        return [(d["actionName"], d["status"], d.get("updatedBy")) for d in details if d["stageName"] == "Prod"]

    assert history(execution.id) == [
        ("Ask", "Failed", CALLER.arn),
        ("Shift", "Failed", None),
        ("Ask", "Succeeded", CALLER.arn),
    ]
    assert history(other.id) == [("Ask", "Failed", CALLER.arn)]
    state = codepipeline.get_pipeline_state(name="payments")["stageStates"][-1]
    assert state["actionStates"][0]["latestExecution"]["lastUpdatedBy"] == CALLER.arn
    with pytest.raises(codepipeline.exceptions.PipelineExecutionNotFoundException):
        history("00000000-0000-4000-8000-000000000000")


def test_watching_goes_on_with_the_successor_of_a_cancelled_execution(world: World, codepipeline: Any) -> None:
    once = iter([SHAPE])
    world.cloud.on_build = lambda: world.redefine(SHAPE) if next(once, None) else None
    world.define(SHAPE)
    world.start()
    ends = []
    for event in follow(codepipeline, pipeline="payments", timeout_seconds=10):
        if event.kind == "approval_wanted":
            approve(codepipeline, pipeline="payments", event=event, summary="fine")
        if event.kind == "execution_finished":
            ends.append(event.status)
    assert ends == ["Cancelled", "Succeeded"]


def test_watching_gives_up_in_time(world: World, codepipeline: Any) -> None:
    world.define(SHAPE)
    with pytest.raises(WatchTimeoutError, match="no execution"):
        list(follow(codepipeline, pipeline="payments", timeout_seconds=0))


def test_an_approval_needs_the_token_of_that_very_action(world: World, codepipeline: Any) -> None:
    both = stage("Prod", approval_action("Ask"), approval_action("Other"))
    world.define(definition(both))
    execution = world.start()
    token = world.approval(execution, "Prod", "Ask").token
    world.approval(execution, "Prod", "Other")

    def answer(**changed: str) -> None:
        request = {"stageName": "Prod", "actionName": "Ask", "token": token, **changed}
        result = {"summary": "", "status": "Approved"}
        codepipeline.put_approval_result(pipelineName="payments", result=result, **request)

    for changed, error in (
        ({"token": "00000000-0000-4000-8000-000000000000"}, "InvalidApprovalTokenException"),
        ({"actionName": "Other"}, "InvalidApprovalTokenException"),
        ({"actionName": "Nothing"}, "ActionNotFoundException"),
        ({"stageName": "Nowhere"}, "StageNotFoundException"),
    ):
        with pytest.raises(ClientError) as caught:
            answer(**changed)
        assert code(caught) == error
    assert execution.status is Status.IN_PROGRESS
    answer()
    world.wait_for(lambda: execution.last("Prod", "Ask") and not token_of(execution), "the answer")
    with pytest.raises(ClientError) as caught:
        answer()
    assert code(caught) == "InvalidApprovalTokenException"


def token_of(execution: Any) -> str:
    return str(execution.last("Prod", "Ask").token)


def test_the_same_client_token_starts_one_execution(world: World, codepipeline: Any) -> None:
    world.define(SHAPE)
    starts = [codepipeline.start_pipeline_execution(name="payments", clientRequestToken="t") for _ in range(2)]
    assert starts[0]["pipelineExecutionId"] == starts[1]["pipelineExecutionId"]
    assert len(world.store.of(KEY)) == 1


def test_executions_come_newest_first_in_pages(world: World, codepipeline: Any) -> None:
    world.define(definition(stage("Prod", approval_action("Ask"))))
    started = [world.start().id for _ in range(5)]
    pages = codepipeline.get_paginator("list_pipeline_executions").paginate(
        pipelineName="payments", PaginationConfig={"PageSize": 2}
    )
    found = [[s["pipelineExecutionId"] for s in page["pipelineExecutionSummaries"]] for page in pages]
    assert [len(page) for page in found] == [2, 2, 1]
    assert [execution for page in found for execution in page] == started[::-1]


NO_EXECUTION = {"pipelineName": "payments", "pipelineExecutionId": "00000000-0000-4000-8000-000000000000"}
LATEST = {
    "pipelineName": "payments",
    "filter": {"latestInPipelineExecution": {"pipelineExecutionId": "e", "startTimeRange": "Latest"}},
}
VARIABLES = {"name": "payments", "variables": [{"name": "a", "value": "b"}]}
TRANSITION = {"pipelineName": "p", "stageName": "s", "transitionType": "Inbound", "reason": "r"}


@pytest.mark.parametrize(
    ("operation", "arguments", "error"),
    [
        ("get_pipeline", {"name": "other"}, "PipelineNotFoundException"),
        ("get_pipeline", {"name": "payments", "version": 7}, "PipelineVersionNotFoundException"),
        ("get_pipeline_execution", NO_EXECUTION, "PipelineExecutionNotFoundException"),
        ("start_pipeline_execution", VARIABLES, "ValidationException"),
        ("list_action_executions", LATEST, "ValidationException"),
        ("list_webhooks", {}, "InvalidActionException"),
        ("disable_stage_transition", TRANSITION, "InvalidActionException"),
    ],
)
def test_refusals_have_awss_names(
    world: World, codepipeline: Any, operation: str, arguments: dict[str, Any], error: str
) -> None:
    world.define(SHAPE)
    with pytest.raises(ClientError) as caught:
        getattr(codepipeline, operation)(**arguments)
    assert code(caught) == error


def test_another_accounts_pipeline_is_not_there(world: World) -> None:
    world.define(SHAPE)
    another = replace(CALLER, account="222222222222")
    assert world.service.operations["ListPipelines"](another, {}) == {"pipelines": []}
