"""A whole runner over fakes: a pipeline's definition, its commits, its AWS, and ways to wait for what happens."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.pipeline.actions.context import Ports
from local.pipeline.approvals import ApprovalDesk
from local.pipeline.catalog import Catalog, CatalogEntry, PipelineKey
from local.pipeline.clock import SystemClock
from local.pipeline.codebuild.cache import BuildCache
from local.pipeline.codebuild.ledger import BuildLedger
from local.pipeline.errors import ActionFailedError
from local.pipeline.events import entry_of
from local.pipeline.executions import ActionExecution, Execution, ExecutionStore, Status
from local.pipeline.git_source import Commit
from local.pipeline.runner import Runner
from local.pipeline.service import Caller, CodePipelineService
from local.pipeline.settings import PipelineSettings
from tests.local_pipeline.cloud import ACCOUNT, REGION, FakeCloud

KEY = PipelineKey(ACCOUNT, REGION, "payments")
CALLER = Caller(account=ACCOUNT, region=REGION, arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/Release/alice")
SECONDS = 20.0


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def action(
    name: str,
    category: str,
    provider: str,
    configuration: Mapping[str, str],
    *,
    order: int = 1,
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """An action in GetPipeline's shape."""
    return {
        "name": name,
        "actionTypeId": {"category": category, "owner": "AWS", "provider": provider, "version": "1"},
        "runOrder": order,
        "configuration": dict(configuration),
        "inputArtifacts": [{"name": n} for n in inputs],
        "outputArtifacts": [{"name": n} for n in outputs],
        **more,
    }


def source_stage() -> dict[str, Any]:
    configuration = {"ConnectionArn": "arn:aws:codeconnections:::connection/1", "FullRepositoryId": "o/r"}
    push = action(
        "Push",
        "Source",
        "CodeStarSourceConnection",
        {**configuration, "BranchName": "main"},
        outputs=("Source",),
        namespace="Source@o-r",
        roleArn=role("source"),
    )
    return {"name": "Source", "actions": [push]}


def build_action(name: str, *, order: int = 1, outputs: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    configuration = {"ProjectName": name.lower(), **more.pop("configuration", {})}
    return action(
        name, "Build", "CodeBuild", configuration, order=order, inputs=("Source",), outputs=outputs,
        roleArn=role("start-builds"), **more,
    )  # fmt: skip


def approval_action(name: str, *, order: int = 1, **configuration: str) -> dict[str, Any]:
    return action(name, "Approval", "Manual", configuration, order=order)


def definition(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "roleArn": role("pipeline"),
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": [source_stage(), *stages],
        "executionMode": "SUPERSEDED",
        "pipelineType": "V2",
        **more,
    }


def stage(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "actions": list(actions)}


def project(name: str, *commands: str, buildspec: str = "", **more: Any) -> dict[str, Any]:
    lines = "".join(f"      - {command!r}\n" for command in commands)
    text = buildspec or f"version: 0.2\nphases:\n  build:\n    commands:\n{lines}"
    return {
        "name": name,
        "arn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{name}",
        "serviceRole": role(f"service-of-{name}"),
        "source": {"type": "CODEPIPELINE", "buildspec": text},
        "environment": {"image": "image", "environmentVariables": more.pop("variables", [])},
        "logsConfig": {"cloudWatchLogs": {"status": "DISABLED"}},
        **more,
    }


class FakeGit:
    """Branches of commits; a commit is its files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.commits: dict[str, dict[str, str]] = {"c1": dict(files)}
        self.heads = {"main": "c1"}

    def push(self, commit_id: str, files: Mapping[str, str]) -> None:
        self.commits[commit_id] = dict(files)
        self.heads["main"] = commit_id

    def head(self, branch: str) -> str:
        return self.heads.get(branch, "")

    def commit(self, revision: str) -> Commit:
        if revision not in self.commits:
            raise ActionFailedError(f"no commit {revision}")
        return Commit(id=revision, subject=f"Subject of {revision}", author_date="2026-01-01T00:00:00+00:00")

    def archive(self, commit_id: str) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, text in self.commits[commit_id].items():
                archive.writestr(name, text)
        return buffer.getvalue()


@dataclass
class World:
    """Everything that a test needs to let executions run and to look at them."""

    directory: Path
    cloud: FakeCloud = field(default_factory=FakeCloud)
    git: FakeGit = field(default_factory=lambda: FakeGit({"file.txt": "content"}))
    catalog: Catalog = field(default_factory=Catalog)
    store: ExecutionStore = field(default_factory=ExecutionStore)
    builds: BuildLedger = field(default_factory=BuildLedger)
    announced: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.desk = ApprovalDesk(self.clock)
        settings = PipelineSettings(
            repository=self.directory / "repository.git",
            work_dir=self.directory / "work",
            cache_dir=self.directory / "cache",
            path=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            build_environment={"FROM_IMAGE": "yes"},
        )
        ports = Ports(
            settings=settings,
            git=self.git,
            approver=self.desk,
            clock=self.clock,
            cache=BuildCache(settings.cache_dir),
            builds=self.builds,
            account_session=self.cloud.session,
            machine={
                "HOME": str(self.directory / "developer"),
                "AWS_SECRET_ACCESS_KEY": "developer's",
                "LANG": "C.UTF-8",
            },
            announce=lambda execution: self.announced.append(entry_of(execution)),
        )
        self.runner = Runner(catalog=self.catalog, store=self.store, ports=ports)
        self.service = CodePipelineService(
            catalog=self.catalog, store=self.store, desk=self.desk, runner=lambda: self.runner
        )

    def define(self, shape: Mapping[str, Any], *, restart: bool = True) -> CatalogEntry:
        return self.catalog.put(KEY, shape, restart_on_update=restart, now=self.clock.now())

    def redefine(self, shape: Mapping[str, Any], *, restart: bool = True) -> CatalogEntry:
        entry = self.define(shape, restart=restart)
        self.runner.definition_changed(entry)
        return entry

    def projects(self, *projects: dict[str, Any]) -> None:
        self.cloud.projects.update({project["name"]: project for project in projects})

    def start(self) -> Execution:
        entry = self.catalog.get(KEY)
        assert entry is not None
        return self.runner.start(entry, trigger=("StartPipelineExecution", "test"))

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.service.operations[operation](CALLER, request)

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        with self.store.changed:
            if not self.store.changed.wait_for(lambda: bool(condition()), timeout=SECONDS):
                states = [
                    (e.number, e.status, [(a.action.name, a.status, a.error_message) for a in e.actions])
                    for e in self.store.of(KEY)
                ]
                raise AssertionError(f"waited in vain for {what}: {states}")

    def end_of(self, execution: Execution) -> Status:
        self.wait_for(lambda: not execution.status.running, f"the end of execution {execution.number}")
        return execution.status

    def approval(self, execution: Execution, stage_name: str, name: str) -> ActionExecution:
        """Wait until the approval asks; returns its record, which holds the token."""
        found: list[ActionExecution] = []

        def asks() -> bool:
            record = execution.last(stage_name, name)
            if record and record.token:
                found.append(record)
            return bool(found)

        self.wait_for(asks, f"approval {name}")
        return found[0]

    def approve(self, execution: Execution, stage_name: str, name: str, status: str = "Approved") -> None:
        record = self.approval(execution, stage_name, name)
        self.call(
            "PutApprovalResult",
            pipelineName=KEY.name,
            stageName=stage_name,
            actionName=name,
            token=record.token,
            result={"status": status, "summary": "because"},
        )

    def wait_for_file(self, file: Path) -> None:
        deadline = time.monotonic() + SECONDS
        while not (file.exists() and file.read_text().strip()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {file}")
            time.sleep(0.02)

    def close(self) -> None:
        """End every thread that a test left running."""
        self.runner.shut_down()
        for thread in threading.enumerate():
            if thread.name.startswith("pipeline-"):
                thread.join(SECONDS)
                assert not thread.is_alive(), f"{thread.name} does not end"
