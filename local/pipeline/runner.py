"""Runs executions: a thread for each, stages in series, the actions of a group in parallel."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence

from local.pipeline.action_runner import ActionRunner
from local.pipeline.actions.context import Ports
from local.pipeline.catalog import Catalog, CatalogEntry, PipelineKey
from local.pipeline.executions import Execution, ExecutionStore, Revision, Status
from local.pipeline.model import Action
from local.pipeline.planner import RESTART_CAP, StagePlan, Verdict, decide, plan
from local.pipeline.stage_gate import Entry

logger = logging.getLogger(__name__)

GATE_SECONDS = 1.0
_ENDINGS = {Verdict.STOP: Status.STOPPED, Verdict.CANCEL: Status.CANCELLED, Verdict.GIVE_UP: Status.FAILED}


class Runner:
    """Starts and drives executions. Everything it knows is in the store, so that the API can show it at any time."""

    def __init__(self, *, catalog: Catalog, store: ExecutionStore, ports: Ports) -> None:
        self._catalog, self._store, self._ports = catalog, store, ports
        self._actions = ActionRunner(store=store, ports=ports)
        self._going_down = False

    def start(
        self, entry: CatalogEntry, *, trigger: tuple[str, str], revisions: Sequence[Revision] = (), restarts: int = 0
    ) -> Execution:
        """Begin an execution of the current definition and return at once."""
        with self._store.changed:
            execution = self._store.create(
                key=entry.key, pipeline=entry.pipeline, trigger=trigger, restarts=restarts, now=self._ports.clock.now()
            )
            execution.revisions.update({revision.action: revision for revision in revisions})
        self.drive(execution, plan(entry.pipeline))
        return execution

    def drive(self, execution: Execution, stages: Iterable[StagePlan]) -> None:
        """Walk through the stages on a thread of its own; a daemon, so that it dies with the process."""
        name = f"pipeline-{execution.key.name}-{execution.number}"
        threading.Thread(target=self._walk, args=(execution, tuple(stages)), name=name, daemon=True).start()

    def now(self) -> float:
        return self._ports.clock.now()

    def definition_changed(self, entry: CatalogEntry) -> None:
        """Executions of the old definition end after their running actions; approvals end at once."""
        with self._store.changed:
            running = self._store.running(entry.key)
            if entry.restart_on_update:
                self._store.restart_pending.add(entry.key)
            for execution in running:
                self._ports.approver.withdraw(execution.id)
            if not running:
                self._restart(entry.key, restarts=0)
            self._store.changed.notify_all()

    def stop(self, execution: Execution, *, abandon: bool, reason: str) -> None:
        """No further action starts; with `abandon` the running ones end too."""
        with self._store.changed:
            execution.stop_requested, execution.stop_reason = True, reason
            self._set_status(execution, Status.STOPPING)
            if abandon:
                execution.abandoned.set()
                self._ports.approver.withdraw(execution.id)
            self._store.changed.notify_all()

    def shut_down(self) -> None:
        """End every build and every wait; the engine is going down, and nobody is told."""
        self._going_down = True
        for execution in self._store.everything_running():
            self.stop(execution, abandon=True, reason="the embedded AWS goes down")

    # -- one execution, on its own thread ------------------------------------------------------------

    def _walk(self, execution: Execution, stages: Sequence[StagePlan]) -> None:
        try:
            for stage in stages:
                if not self._enter(execution, stage.name):
                    return
                try:
                    done = self._run_stage(execution, stage)
                finally:
                    self._leave(execution, stage.name)
                if not done:
                    return
            self._finish(execution, Status.SUCCEEDED)
        except Exception as error:
            logger.exception("execution %s", execution.id)
            self._finish(execution, Status.FAILED, f"the runner failed: {error}")

    def _enter(self, execution: Execution, stage: str) -> bool:
        """Wait for the stage's gate. False: the execution ended while it waited."""
        while True:
            if self._ended(execution):
                self._leave(execution, stage)
                return False
            with self._store.changed:
                entry = self._store.gate(execution.key, stage).claim(execution.number)
                if entry is Entry.ENTERED:
                    self._store.set_stage(execution, stage, Status.IN_PROGRESS)
                    return True
                self._store.changed.notify_all()  # whoever waited here before is superseded now
                if entry is Entry.WAITING:
                    self._store.changed.wait(GATE_SECONDS)
            if entry is Entry.SUPERSEDED:
                self._finish(execution, Status.SUPERSEDED, f"a newer execution took over before stage {stage}")
                return False

    def _leave(self, execution: Execution, stage: str) -> None:
        with self._store.changed:
            self._store.gate(execution.key, stage).leave(execution.number)
            self._store.changed.notify_all()

    def _ended(self, execution: Execution) -> bool:
        """Ask the planner; end the execution when it says so."""
        verdict = decide(
            planned_version=execution.pipeline.version,
            current_version=self._catalog.version(execution.key),
            stop_requested=execution.stop_requested,
            restarts=execution.restarts,
        )
        if verdict is Verdict.PROCEED:
            return False
        summary = "the pipeline keeps changing itself" if verdict is Verdict.GIVE_UP else execution.stop_reason
        self._finish(execution, _ENDINGS[verdict], summary)
        return True

    def _run_stage(self, execution: Execution, stage: StagePlan) -> bool:
        for number, group in enumerate(stage.groups):
            if number and self._ended(execution):
                self._store.set_stage(execution, stage.name, execution.status)
                return False
            statuses = self._run_group(execution, stage.name, group)
            if statuses == {Status.SUCCEEDED}:
                continue
            abandoned = Status.ABANDONED in statuses and Status.FAILED not in statuses
            if not (abandoned and self._ended(execution)):
                self._finish(execution, Status.FAILED, f"stage {stage.name} failed")
            self._store.set_stage(execution, stage.name, execution.status)
            return False
        self._store.set_stage(execution, stage.name, Status.SUCCEEDED)
        return True

    def _run_group(self, execution: Execution, stage: str, group: Sequence[Action]) -> set[Status]:
        records = [self._actions.begin(execution, stage, action) for action in group]
        threads = [threading.Thread(target=self._actions.run, args=(execution, r), daemon=True) for r in records]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {record.status for record in records}

    # -- endings -------------------------------------------------------------------------------------

    def _finish(self, execution: Execution, status: Status, summary: str = "") -> None:
        """End the execution. Its successor, if the definition changed, exists before anybody can see the end."""
        with self._store.changed:
            others = [e for e in self._store.running(execution.key) if e is not execution]
            if status is Status.CANCELLED or not others:
                self._restart(execution.key, restarts=execution.restarts + 1)
            execution.status_summary = summary
            self._set_status(execution, status)
            if not self._going_down:
                self._ports.announce(execution)

    def _set_status(self, execution: Execution, status: Status) -> None:
        execution.status, execution.updated = status, self._ports.clock.now()
        self._store.changed.notify_all()

    def _restart(self, key: PipelineKey, *, restarts: int) -> None:
        """Run the new definition with the newest commit of its branch, once for each change."""
        entry = self._catalog.get(key)
        if key not in self._store.restart_pending or entry is None:
            return
        self._store.restart_pending.discard(key)
        revisions = self.newest(entry)
        if revisions and restarts <= RESTART_CAP:
            detail = f"the definition changed to version {entry.pipeline.version}"
            self.start(entry, trigger=("StartPipelineExecution", detail), revisions=revisions, restarts=restarts)

    def newest(self, entry: CatalogEntry) -> list[Revision]:
        """The heads of the sources' branches; empty unless every source has one."""
        sources = entry.pipeline.sources()
        heads = [(a.name, self._ports.git.head(a.configuration.get("BranchName", ""))) for a in sources]
        return [Revision(action=n, commit_id=head) for n, head in heads] if all(head for _, head in heads) else []
