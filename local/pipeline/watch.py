"""Follow a pipeline over the CodePipeline API, as any client of AWS could."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient
    from mypy_boto3_codepipeline.type_defs import ActionExecutionDetailTypeDef

POLL_SECONDS = 0.5
ENDED = frozenset({"Succeeded", "Failed", "Stopped", "Superseded", "Cancelled"})
Kind = Literal["execution_started", "action_started", "approval_wanted", "action_finished", "execution_finished"]


class WatchTimeoutError(Exception):
    """The execution did not end, or did not begin, in time."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened.

    `started` is when the action began (seconds since the epoch), `seconds` its duration, `message` its summary, error
    or custom data.
    """

    kind: Kind
    execution_id: str
    stage: str = ""
    action: str = ""
    status: str = ""
    started: float = 0.0
    seconds: float = 0.0
    message: str = ""
    token: str = ""
    log: str = ""


def follow(
    client: CodePipelineClient, *, pipeline: str, execution_id: str | None = None, timeout_seconds: float = 1800
) -> Iterator[Event]:
    """Yield events until the execution ends (None: the newest one); a cancelled one is followed by its successor.

    Raises WatchTimeoutError.
    """
    deadline = time.monotonic() + timeout_seconds
    current = execution_id or _newest(client, pipeline, deadline)
    while True:
        status = ""
        for event in _follow_one(client, pipeline, current, deadline):
            status = event.status
            yield event
        successor = _newest(client, pipeline, deadline) if status == "Cancelled" else current
        if successor == current:
            return
        current = successor


def execution_of(client: CodePipelineClient, *, pipeline: str, commit: str, timeout_seconds: float = 60) -> str:
    """The newest execution of a commit. Raises WatchTimeoutError when none begins."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        for page in client.get_paginator("list_pipeline_executions").paginate(pipelineName=pipeline):
            for execution in page["pipelineExecutionSummaries"]:
                if any(source.get("revisionId") == commit for source in execution.get("sourceRevisions", [])):
                    return execution["pipelineExecutionId"]
        if time.monotonic() > deadline:
            raise WatchTimeoutError(f"no execution of {pipeline} has begun for {commit}")
        time.sleep(POLL_SECONDS)


def approve(client: CodePipelineClient, *, pipeline: str, event: Event, summary: str, approved: bool = True) -> None:
    """Answer an `approval_wanted` event."""
    client.put_approval_result(
        pipelineName=pipeline,
        stageName=event.stage,
        actionName=event.action,
        result={"summary": summary, "status": "Approved" if approved else "Rejected"},
        token=event.token,
    )


def _follow_one(client: CodePipelineClient, pipeline: str, execution_id: str, deadline: float) -> Iterator[Event]:
    yield Event(kind="execution_started", execution_id=execution_id)
    seen: dict[str, set[str]] = {}
    while True:
        execution = client.get_pipeline_execution(pipelineName=pipeline, pipelineExecutionId=execution_id)
        status = execution["pipelineExecution"]["status"]
        for detail in _details(client, pipeline, execution_id):
            told = seen.setdefault(detail["actionExecutionId"], set())
            for event in _events(client, pipeline, detail):
                if event.kind not in told:
                    told.add(event.kind)
                    yield event
        if status in ENDED:
            summary = execution["pipelineExecution"].get("statusSummary", "")
            yield Event(kind="execution_finished", execution_id=execution_id, status=status, message=summary)
            return
        if time.monotonic() > deadline:
            raise WatchTimeoutError(f"execution {execution_id} of {pipeline} is still {status}")
        time.sleep(POLL_SECONDS)


def _events(client: CodePipelineClient, pipeline: str, detail: ActionExecutionDetailTypeDef) -> Iterator[Event]:
    """All events that an action's record stands for; the caller drops those that it has told already."""
    yield _event("action_started", detail)
    if detail["status"] != "InProgress":
        yield _event("action_finished", detail)
    elif detail["input"]["actionTypeId"]["category"] == "Approval":
        token = _token(client, pipeline, detail)
        if token:
            yield _event("approval_wanted", detail, token=token)


def _event(kind: Kind, detail: ActionExecutionDetailTypeDef, *, token: str = "") -> Event:
    result = detail["output"]["executionResult"]
    url = result.get("externalExecutionUrl", "")
    summary = result.get("externalExecutionSummary", "")
    return Event(
        kind=kind,
        execution_id=detail["pipelineExecutionId"],
        stage=detail["stageName"],
        action=detail["actionName"],
        status=detail["status"],
        started=detail["startTime"].timestamp(),
        seconds=(detail["lastUpdateTime"] - detail["startTime"]).total_seconds(),
        message=detail["input"]["resolvedConfiguration"].get("CustomData", "") if token else summary,
        token=token,
        log=urllib.parse.unquote(url.removeprefix("file://")) if url.startswith("file://") else "",
    )


def _details(client: CodePipelineClient, pipeline: str, execution_id: str) -> list[ActionExecutionDetailTypeDef]:
    """Oldest first."""
    pages = client.get_paginator("list_action_executions").paginate(
        pipelineName=pipeline, filter={"pipelineExecutionId": execution_id}
    )
    return sorted((d for page in pages for d in page["actionExecutionDetails"]), key=lambda d: d["startTime"])


def _token(client: CodePipelineClient, pipeline: str, detail: ActionExecutionDetailTypeDef) -> str:
    for stage in client.get_pipeline_state(name=pipeline)["stageStates"]:
        for action in stage["actionStates"]:
            latest = action.get("latestExecution", {})
            if latest.get("actionExecutionId") == detail["actionExecutionId"]:
                return latest.get("token", "")
    return ""


def _newest(client: CodePipelineClient, pipeline: str, deadline: float) -> str:
    while True:
        found = client.list_pipeline_executions(pipelineName=pipeline, maxResults=1)["pipelineExecutionSummaries"]
        if found:
            return found[0]["pipelineExecutionId"]
        if time.monotonic() > deadline:
            raise WatchTimeoutError(f"no execution of {pipeline} has started")
        time.sleep(POLL_SECONDS)
