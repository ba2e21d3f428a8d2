"""The CodePipeline operations: what AWS's API promises, over the catalog, the store and the runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.pipeline import shapes
from local.pipeline.approvals import ApprovalDesk, Decision
from local.pipeline.catalog import Catalog, CatalogEntry, PipelineKey
from local.pipeline.errors import ApiError
from local.pipeline.executions import Execution, ExecutionStore, Revision, Status
from local.pipeline.planner import RetryMode, plan, retry
from local.pipeline.runner import Runner

Payload = Mapping[str, Any]
Answer = dict[str, Any]
PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whose account and region a call is about, and the principal whose credentials signed it."""

    account: str
    region: str
    arn: str


class CodePipelineService:
    """One method for each operation. Errors are ApiError with AWS's codes.

    `runner` answers None while the engine is still starting.
    """

    def __init__(
        self, *, catalog: Catalog, store: ExecutionStore, desk: ApprovalDesk, runner: Callable[[], Runner | None]
    ) -> None:
        self._catalog, self._store, self._desk, self._runner = catalog, store, desk, runner
        self.operations: Mapping[str, Callable[[Caller, Payload], Answer]] = {
            "ListPipelines": self.list_pipelines,
            "GetPipeline": self.get_pipeline,
            "GetPipelineState": self.get_pipeline_state,
            "ListPipelineExecutions": self.list_pipeline_executions,
            "GetPipelineExecution": self.get_pipeline_execution,
            "ListActionExecutions": self.list_action_executions,
            "StartPipelineExecution": self.start_pipeline_execution,
            "StopPipelineExecution": self.stop_pipeline_execution,
            "PutApprovalResult": self.put_approval_result,
            "RetryStageExecution": self.retry_stage_execution,
        }

    def list_pipelines(self, caller: Caller, request: Payload) -> Answer:
        entries = self._catalog.list(caller.account, caller.region)
        return _page("pipelines", [shapes.pipeline_summary(entry) for entry in entries], request)

    def get_pipeline(self, caller: Caller, request: Payload) -> Answer:
        entry = self._entry(caller, _required(request, "name"))
        if request.get("version") not in (None, entry.pipeline.version):
            raise ApiError("PipelineVersionNotFoundException", f"only version {entry.pipeline.version} is kept")
        return shapes.pipeline(entry)

    def get_pipeline_state(self, caller: Caller, request: Payload) -> Answer:
        entry = self._entry(caller, _required(request, "name"))
        with self._store.changed:
            return shapes.pipeline_state(entry, self._store)

    def list_pipeline_executions(self, caller: Caller, request: Payload) -> Answer:
        entry = self._entry(caller, _required(request, "pipelineName"))
        if request.get("filter"):
            raise ApiError("ValidationException", "ListPipelineExecutions: filter is not available here")
        with self._store.changed:
            found = [shapes.execution_summary(e) for e in reversed(self._store.of(entry.key))]
        return _page("pipelineExecutionSummaries", found, request)

    def get_pipeline_execution(self, caller: Caller, request: Payload) -> Answer:
        execution = self._execution(caller, request)
        with self._store.changed:
            return {"pipelineExecution": shapes.execution(execution)}

    def list_action_executions(self, caller: Caller, request: Payload) -> Answer:
        entry = self._entry(caller, _required(request, "pipelineName"))
        chosen = request.get("filter") or {}
        if unknown := sorted(set(chosen) - {"pipelineExecutionId"}):
            raise ApiError("ValidationException", f"ListActionExecutions: filter {unknown[0]} is not available here")
        wanted = chosen.get("pipelineExecutionId")
        if wanted and self._store.find(entry.key, wanted) is None:
            raise ApiError("PipelineExecutionNotFoundException", f"there is no execution {wanted}")
        with self._store.changed:
            pairs = [(e, a) for e in self._store.of(entry.key) if wanted in (None, e.id) for a in e.actions]
            pairs.sort(key=lambda pair: pair[1].started, reverse=True)
            found = [shapes.action_execution(execution, action) for execution, action in pairs]
        return _page("actionExecutionDetails", found, request)

    def start_pipeline_execution(self, caller: Caller, request: Payload) -> Answer:
        entry = self._entry(caller, _required(request, "name"))
        if request.get("variables"):
            raise ApiError("ValidationException", "StartPipelineExecution: variables are not available here")
        token = request.get("clientRequestToken")
        with self._store.changed:
            known = self._store.request(entry.key, token) if token else None
            if known:
                return {"pipelineExecutionId": known}
            execution = self._started_runner().start(
                entry,
                trigger=("StartPipelineExecution", caller.arn),
                revisions=_revisions(entry, request),
            )
            if token:
                self._store.remember_request(entry.key, token, execution.id)
        return {"pipelineExecutionId": execution.id}

    def stop_pipeline_execution(self, caller: Caller, request: Payload) -> Answer:
        execution = self._execution(caller, request)
        abandon = bool(request.get("abandon", False))
        with self._store.changed:
            if not execution.status.running:
                raise ApiError("PipelineExecutionNotStoppableException", f"the execution is {execution.status.value}")
            if execution.status is Status.STOPPING and not abandon:
                raise ApiError("DuplicatedStopRequestException", "the execution is stopping already")
            self._started_runner().stop(execution, abandon=abandon, reason=str(request.get("reason", "")))
        return {"pipelineExecutionId": execution.id}

    def put_approval_result(self, caller: Caller, request: Payload) -> Answer:
        entry = self._entry(caller, _required(request, "pipelineName"))
        stage, action = _required(request, "stageName"), _required(request, "actionName")
        token, result = _required(request, "token"), request.get("result") or {}
        status = result.get("status")
        if status not in {"Approved", "Rejected"}:
            raise ApiError("ValidationException", "result.status is either Approved or Rejected")
        self._check_approval(entry, stage, action, token)
        summary = str(result.get("summary", ""))
        self._desk.decide(token, Decision(approved=status == "Approved", summary=summary, by=caller.arn))
        return {"approvedAt": self._now()}

    def retry_stage_execution(self, caller: Caller, request: Payload) -> Answer:
        execution = self._execution(caller, request)
        entry = self._entry(caller, execution.key.name)
        stage, mode = _required(request, "stageName"), _required(request, "retryMode")
        if mode not in set(RetryMode):
            raise ApiError("ValidationException", f"retryMode {mode}")
        if entry.pipeline.stage(stage) is None:
            raise ApiError("StageNotFoundException", f"there is no stage {stage}")
        runner = self._started_runner()
        with self._store.changed:
            self._check_retry(entry, execution, stage)
            statuses = {a.action.name: a.status.value for a in execution.actions if a.stage == stage}
            first, *rest = plan(execution.pipeline, start=stage)
            execution.status, execution.status_summary = Status.IN_PROGRESS, ""
            execution.stop_requested = False
            execution.abandoned.clear()
            self._desk.readmit(execution.id)
            self._store.set_stage(execution, stage, Status.IN_PROGRESS)
        runner.drive(execution, (retry(first, statuses, RetryMode(mode)), *rest))
        return {"pipelineExecutionId": execution.id}

    # -- checks --------------------------------------------------------------------------------------

    def _check_approval(self, entry: CatalogEntry, stage: str, action: str, token: str) -> None:
        """The token has to be that of the very action that is named."""
        found = entry.pipeline.stage(stage)
        if found is None:
            raise ApiError("StageNotFoundException", f"there is no stage {stage}")
        if action not in {a.name for a in found.actions}:
            raise ApiError("ActionNotFoundException", f"stage {stage} has no action {action}")
        with self._store.changed:
            records = [record for e in self._store.of(entry.key) if (record := e.last(stage, action))]
            if not any(record.token == token for record in records):
                raise ApiError("InvalidApprovalTokenException", "The approval token is not valid or has expired")

    def _check_retry(self, entry: CatalogEntry, execution: Execution, stage: str) -> None:
        state = self._store.stage_status(entry.key, stage)
        if entry.pipeline.version != execution.pipeline.version:
            raise ApiError("StageNotRetryableException", "the pipeline's definition has changed since")
        if state is None or state.status not in {Status.FAILED, Status.STOPPED}:
            raise ApiError("StageNotRetryableException", f"stage {stage} has not failed")
        latest = state.execution_id == execution.id
        if not latest or not self._store.gate(entry.key, stage).reclaim(execution.number):
            raise ApiError("NotLatestPipelineExecutionException", "a newer execution has entered the stage")

    def _entry(self, caller: Caller, name: str) -> CatalogEntry:
        entry = self._catalog.get(PipelineKey(caller.account, caller.region, name))
        if entry is None:
            message = f"Account '{caller.account}' does not have a pipeline with name '{name}'"
            raise ApiError("PipelineNotFoundException", message)
        return entry

    def _execution(self, caller: Caller, request: Payload) -> Execution:
        entry = self._entry(caller, _required(request, "pipelineName"))
        execution_id = _required(request, "pipelineExecutionId")
        execution = self._store.find(entry.key, execution_id)
        if execution is None:
            raise ApiError("PipelineExecutionNotFoundException", f"there is no execution {execution_id}")
        return execution

    def _started_runner(self) -> Runner:
        runner = self._runner()
        if runner is None:
            raise ApiError("ConflictException", "no source repository is configured: the runner has not started")
        return runner

    def _now(self) -> float:
        runner = self._runner()
        return runner.now() if runner else 0.0


def _required(request: Payload, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError("ValidationException", f"{name} is required")
    return value


def _revisions(entry: CatalogEntry, request: Payload) -> list[Revision]:
    sources = {action.name for action in entry.pipeline.sources()}
    found = []
    for item in request.get("sourceRevisions") or ():
        if item.get("revisionType") != "COMMIT_ID":
            raise ApiError("ValidationException", f"revisionType {item.get('revisionType')} (only COMMIT_ID)")
        if item.get("actionName") not in sources:
            raise ApiError("ValidationException", f"there is no source action {item.get('actionName')}")
        found.append(Revision(action=item["actionName"], commit_id=str(item["revisionValue"])))
    return found


def _page(name: str, items: list[Answer], request: Payload) -> Answer:
    """One page; the token is the number of items before it."""
    start = int(request.get("nextToken") or 0)
    size = int(request.get("maxResults") or PAGE)
    answer: Answer = {name: items[start : start + size]}
    if start + size < len(items):
        answer["nextToken"] = str(start + size)
    return answer
