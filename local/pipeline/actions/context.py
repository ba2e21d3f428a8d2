"""What an action gets to do its work, and what it answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from local.pipeline.approvals import Approver
from local.pipeline.artifacts import Artifacts
from local.pipeline.aws import AwsSession
from local.pipeline.clock import Clock
from local.pipeline.codebuild.cache import BuildCache
from local.pipeline.codebuild.ledger import BuildLedger
from local.pipeline.errors import AbandonedError
from local.pipeline.executions import Execution, Revision
from local.pipeline.git_source import GitSource
from local.pipeline.model import Action
from local.pipeline.settings import PipelineSettings


class Report(Protocol):
    """Tells what is known of an action while it is still under way."""

    def __call__(
        self,
        *,
        summary: str = "",
        external_id: str = "",
        external_url: str = "",
        token: str = "",
        updated_by: str = "",
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The world outside of the runner; tests bring their own."""

    settings: PipelineSettings
    git: GitSource
    approver: Approver
    clock: Clock
    cache: BuildCache
    builds: BuildLedger
    account_session: Callable[[str, str], AwsSession]
    """(account, region) → the account's own session."""
    machine: Mapping[str, str]
    """The environment variables of this machine."""
    announce: Callable[[Execution], None]
    """Tell the account's event bus how an execution ended."""


@dataclass(frozen=True, kw_only=True)
class ActionContext:
    """One action of one execution. `action.configuration` is resolved; `session` acts as the action's role."""

    execution: Execution
    stage: str
    action: Action
    session: AwsSession
    pipeline_session: AwsSession
    account_session: AwsSession
    directory: Path
    ports: Ports
    report: Report

    @property
    def artifacts(self) -> Artifacts:
        return self.execution.artifacts

    @property
    def label(self) -> str:
        return f"{self.stage}/{self.action.name}"

    @property
    def abandoned(self) -> threading.Event:
        return self.execution.abandoned

    def pause(self, seconds: float) -> None:
        """Wait between two looks at AWS. Raises AbandonedError when the execution is abandoned meanwhile."""
        if self.ports.clock.wait(self.abandoned, seconds):
            raise AbandonedError(f"{self.label} was abandoned")

    def commit_id(self) -> str:
        """The commit of this execution's source; empty before a source action has run."""
        revisions = self.execution.revisions.values()
        return next((revision.commit_id for revision in revisions), "")


@dataclass(frozen=True, kw_only=True)
class ActionResult:
    variables: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    revision: Revision | None = None
