"""What runs next: pure functions of a definition and of what has happened so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from local.pipeline.model import Action, Pipeline, Stage

RESTART_CAP = 5


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """A stage's actions: groups run one after the other, the actions of a group at the same time."""

    name: str
    groups: tuple[tuple[Action, ...], ...]


def plan(pipeline: Pipeline, *, start: str = "") -> tuple[StagePlan, ...]:
    """All stages in order, or those from stage `start` on."""
    names = [stage.name for stage in pipeline.stages]
    first = names.index(start) if start else 0
    return tuple(StagePlan(name=stage.name, groups=_groups(stage)) for stage in pipeline.stages[first:])


def _groups(stage: Stage) -> tuple[tuple[Action, ...], ...]:
    ordered = sorted(stage.actions, key=lambda action: action.run_order)
    return tuple(tuple(group) for _, group in groupby(ordered, key=lambda action: action.run_order))


class RetryMode(StrEnum):
    FAILED_ACTIONS = "FAILED_ACTIONS"
    ALL_ACTIONS = "ALL_ACTIONS"


def retry(stage: StagePlan, statuses: Mapping[str, str], mode: RetryMode) -> StagePlan:
    """What is left of a failed stage. `statuses` maps action names to their last status in this execution."""
    if mode is RetryMode.ALL_ACTIONS:
        return stage
    left = (tuple(a for a in group if statuses.get(a.name) != "Succeeded") for group in stage.groups)
    return StagePlan(name=stage.name, groups=tuple(group for group in left if group))


class Verdict(StrEnum):
    """What an execution does before its next group of actions."""

    PROCEED = "proceed"
    STOP = "stop"
    CANCEL = "cancel"
    """The definition was replaced; this execution belongs to the old one."""
    GIVE_UP = "give up"
    """The pipeline keeps changing itself."""


def decide(*, planned_version: int, current_version: int, stop_requested: bool, restarts: int) -> Verdict:
    """A stop wins over everything. `restarts` counts the definitions that this push has already replaced."""
    if stop_requested:
        return Verdict.STOP
    if planned_version == current_version:
        return Verdict.PROCEED
    return Verdict.CANCEL if restarts < RESTART_CAP else Verdict.GIVE_UP
