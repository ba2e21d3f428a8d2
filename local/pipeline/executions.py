"""What has happened: executions, their actions, and the stages' gates. All of it in memory, under one lock."""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from local.pipeline.artifacts import Artifacts, Location
from local.pipeline.catalog import PipelineKey
from local.pipeline.model import Action, Pipeline
from local.pipeline.stage_gate import StageGate


class Status(StrEnum):
    """CodePipeline's own words, for executions, stages and actions."""

    IN_PROGRESS = "InProgress"
    STOPPING = "Stopping"
    STOPPED = "Stopped"
    SUCCEEDED = "Succeeded"
    SUPERSEDED = "Superseded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    ABANDONED = "Abandoned"

    @property
    def running(self) -> bool:
        return self in {Status.IN_PROGRESS, Status.STOPPING}


@dataclass(frozen=True, kw_only=True)
class Revision:
    """The commit that a source action brought (or is asked to bring)."""

    action: str
    commit_id: str
    summary: str = ""


@dataclass(kw_only=True)
class ActionExecution:
    id: str
    stage: str
    action: Action
    version: int
    started: float
    updated: float
    status: Status = Status.IN_PROGRESS
    configuration: Mapping[str, str] = field(default_factory=dict)
    inputs: list[Location] = field(default_factory=list)
    outputs: list[Location] = field(default_factory=list)
    variables: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    external_id: str = ""
    external_url: str = ""
    token: str = ""
    error_code: str = ""
    error_message: str = ""
    updated_by: str = ""


@dataclass(kw_only=True)
class Execution:
    """One walk of a commit through one version of a pipeline."""

    id: str
    number: int
    key: PipelineKey
    pipeline: Pipeline
    artifacts: Artifacts
    started: float
    updated: float
    trigger_type: str
    trigger_detail: str = ""
    status: Status = Status.IN_PROGRESS
    status_summary: str = ""
    restarts: int = 0
    revisions: dict[str, Revision] = field(default_factory=dict)
    variables: dict[str, Mapping[str, str]] = field(default_factory=dict)
    actions: list[ActionExecution] = field(default_factory=list)
    stop_reason: str = ""
    stop_requested: bool = False
    abandoned: threading.Event = field(default_factory=threading.Event)

    def last(self, stage: str, action: str) -> ActionExecution | None:
        return next((a for a in reversed(self.actions) if (a.stage, a.action.name) == (stage, action)), None)


@dataclass(frozen=True, kw_only=True)
class StageStatus:
    execution_id: str
    status: Status


class ExecutionStore:
    """Hold `changed` while reading or writing several things that belong together; it is notified of every change."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._executions: dict[PipelineKey, list[Execution]] = defaultdict(list)
        self._gates: dict[tuple[PipelineKey, str], StageGate] = defaultdict(StageGate)
        self._stages: dict[tuple[PipelineKey, str], StageStatus] = {}
        self._requests: dict[tuple[PipelineKey, str], str] = {}
        self.restart_pending: set[PipelineKey] = set()

    def create(
        self, *, key: PipelineKey, pipeline: Pipeline, trigger: tuple[str, str], restarts: int, now: float
    ) -> Execution:
        with self.changed:
            execution = Execution(
                id=str(uuid.uuid4()),
                number=len(self._executions[key]) + 1,
                key=key,
                pipeline=pipeline,
                artifacts=Artifacts(pipeline=pipeline.name, store=pipeline.store(key.region)),
                started=now,
                updated=now,
                trigger_type=trigger[0],
                trigger_detail=trigger[1],
                restarts=restarts,
            )
            execution.variables["codepipeline"] = {"PipelineExecutionId": execution.id}
            self._executions[key].append(execution)
            self.changed.notify_all()
            return execution

    def of(self, key: PipelineKey) -> list[Execution]:
        """Oldest first."""
        with self.changed:
            return list(self._executions[key])

    def find(self, key: PipelineKey, execution_id: str) -> Execution | None:
        return next((e for e in self.of(key) if e.id == execution_id), None)

    def running(self, key: PipelineKey) -> list[Execution]:
        return [e for e in self.of(key) if e.status.running]

    def everything_running(self) -> list[Execution]:
        with self.changed:
            return [e for executions in self._executions.values() for e in executions if e.status.running]

    def gate(self, key: PipelineKey, stage: str) -> StageGate:
        return self._gates[key, stage]

    def stage_status(self, key: PipelineKey, stage: str) -> StageStatus | None:
        return self._stages.get((key, stage))

    def set_stage(self, execution: Execution, stage: str, status: Status) -> None:
        with self.changed:
            self._stages[execution.key, stage] = StageStatus(execution_id=execution.id, status=status)
            self.changed.notify_all()

    def request(self, key: PipelineKey, token: str) -> str | None:
        """The execution that an earlier request with this client token started."""
        return self._requests.get((key, token))

    def remember_request(self, key: PipelineKey, token: str, execution_id: str) -> None:
        self._requests[key, token] = execution_id

    def forget(self, key: PipelineKey) -> None:
        """The pipeline is deleted: a later one of the same name starts with nothing."""
        with self.changed:
            self._executions.pop(key, None)
            tables: tuple[dict[tuple[PipelineKey, str], Any], ...] = (self._gates, self._stages, self._requests)
            for table in tables:
                for entry in [entry for entry in table if entry[0] == key]:
                    del table[entry]
            self.changed.notify_all()
