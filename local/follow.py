"""Follow one push through the pipeline: a line per action, and the seconds of every stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.pipeline.watch import Event, follow
from local.progress import Progress

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient

TIMEOUT_SECONDS = 1800.0


class PipelineFailed(Exception):
    """An execution ended otherwise than by success; the message names stage, action and reason."""


@dataclass(kw_only=True)
class Execution:
    """What one push became. A self-mutation restarts it: `restarts` counts those."""

    commit: str
    status: str = "InProgress"
    restarts: int = 0
    stage_seconds: dict[str, float] = field(default_factory=dict)
    failed_at: str = ""


def follow_push(
    client: CodePipelineClient,
    *,
    pipeline: str,
    commit: str,
    progress: Progress,
    on_approval: Callable[[Event], bool],
    on_stage: Callable[[str], None] = lambda _: None,
    execution_id: str | None = None,
    may_fail_at: str = "",
) -> Execution:
    """Print each action as it ends; hand each approval to `on_approval`, which answers whether to go on watching.

    Stage seconds go from the start of its first action to the end of its last one, as the actions report them: an
    execution may be followed after the fact. Without `execution_id` it is the newest one; `on_stage` is called when the
    first action of a stage starts. Raises PipelineFailed with the first failed action, unless that is `may_fail_at`.
    """
    execution = Execution(commit=commit)
    failed: Event | None = None
    stage_start: dict[str, float] = {}
    for event in follow(client, pipeline=pipeline, execution_id=execution_id, timeout_seconds=TIMEOUT_SECONDS):
        if event.kind == "action_started":
            if event.stage not in stage_start:
                on_stage(event.stage)
            stage_start.setdefault(event.stage, event.started)
        elif event.kind == "action_finished":
            progress.say(f"  {event.stage:<14} {event.action:<36} {event.status:<10} {event.seconds:6.1f} s")
            begun = stage_start.setdefault(event.stage, event.started)
            execution.stage_seconds[event.stage] = event.started + event.seconds - begun
            if event.status == "Failed" and failed is None:
                failed, execution.failed_at = event, f"{event.stage}/{event.action}"
        elif event.kind == "approval_wanted":
            if not on_approval(event):
                execution.status = "waits for approval"
                return execution
        elif event.kind == "execution_finished":
            execution.status = event.status
            if event.status == "Cancelled":
                execution.restarts += 1
                stage_start, execution.stage_seconds = {}, {}
                progress.say("  the pipeline has changed itself and starts again with its new definition")
    if execution.status != "Succeeded" and not (may_fail_at and execution.failed_at == may_fail_at):
        raise PipelineFailed(_why(execution, failed))
    return execution


def _why(execution: Execution, failed: Event | None) -> str:
    if failed is None:
        return f"the execution of {execution.commit[:8]} ended as {execution.status}"
    where = f"stage {failed.stage}, action {failed.action}"
    return f"{where}: {failed.message}" + (f"\nits log: {failed.log}" if failed.log else "")
