"""Every decision of the controller, without a side effect: from what is seen to what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from release.analysis import NOTHING_YET, Judgement, Missing, Verdict
from release.layout import ReleaseState
from release.model import Journal, Observation, Operation, Release, RoutedRule, StackView, live_colour
from release.names import Colour
from release.plans import Plan

UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)
# A stack whose creation never succeeded serves nothing and is replaced by the next deployment.
_NEVER_CREATED = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"})


def obstacle(stacks: Iterable[StackView]) -> str | None:
    """Why nothing may be changed now, in words for a person; None when the stacks are at rest."""
    for stack in stacks:
        if stack.status in _NEVER_CREATED:
            continue
        if stack.status.endswith("_IN_PROGRESS"):
            return f"stack {stack.name} is being changed ({stack.status}); try again when it is done"
        if stack.status not in UPDATABLE:
            return f"stack {stack.name} is in {stack.status}; bring it back to a complete state first"
    return None


# --- what a killed command left behind ---


@dataclass(frozen=True)
class Healthy:
    pass


@dataclass(frozen=True)
class Restore:
    """Bring aliases, weights and stage back to `state`."""

    state: ReleaseState
    because: str


@dataclass(frozen=True)
class FinishShift:
    """All of the shift was done but the last line in the journal."""


@dataclass(frozen=True)
class FinishRollback:
    pass


@dataclass(frozen=True)
class Refuse:
    reason: str


BY_HAND: Final = "traffic is divided and no command is under way"

Diagnosis = Healthy | Restore | FinishShift | FinishRollback | Refuse


def diagnose(rules: tuple[RoutedRule, ...], recorded: ReleaseState | None, journal: Journal) -> Diagnosis:
    """What must be put right before anything else. The journal knows what was under way; without it,
    divided traffic goes back to the last recorded release."""
    if not rules:
        return Healthy()
    if journal.operation is Operation.ROLLBACK and journal.previous is not None:
        return FinishRollback()
    if journal.operation is Operation.SHIFT and journal.origin is not None:
        if recorded is not None and recorded != journal.origin:
            return FinishShift()
        return Restore(journal.origin, "a shift did not come to its end")
    if journal.operation is Operation.HEAL and journal.origin is not None:
        return Restore(journal.origin, BY_HAND)
    if live_colour(rules) is not None:
        return Healthy()
    if recorded is None or not recorded.has_history:
        return Refuse("traffic is divided and no release is recorded: set the weights by hand, then run freeze")
    return Restore(recorded, BY_HAND)


# --- what a shift has to move ---


@dataclass(frozen=True)
class NothingToDo:
    pass


@dataclass(frozen=True)
class MoveStage:
    """The functions are the same; only the API's live stage moves."""


@dataclass(frozen=True)
class MoveTraffic:
    to: Colour


Assessment = NothingToDo | MoveStage | MoveTraffic | Refuse


def assess(observed: Observation, deployed: Release) -> Assessment:
    """Compare what is live with what was deployed last."""
    live = observed.live_colour
    if live is None:
        return Refuse("there is no live colour: nothing is deployed, or traffic is divided")
    if observed.versions[live] == deployed.versions:
        return NothingToDo() if observed.deployment_id == deployed.deployment_id else MoveStage()
    if observed.versions[live.other] == deployed.versions:
        return MoveTraffic(live.other)
    return Refuse(
        f"the idle colour {live.other} does not hold the versions that were deployed last: "
        f"{_words(observed.versions[live.other])} instead of {_words(deployed.versions)}"
    )


def _words(versions: object) -> str:
    return str(versions).strip("{}").replace("'", "")


# --- the next action of a running shift ---


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a shift is: the step whose weight was set and read back, and since when. None: before the first."""

    step: int | None = None
    since: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What is seen while a step bakes. `alarms` are those that were quiet when the shift began; `silent_alarms` have no
    data to be red or quiet by; `judgement` is of the step's requests so far, and nothing before the first step."""

    alarms: tuple[str, ...] = ()
    silent_alarms: tuple[str, ...] = ()
    weights_as_set: bool = True
    judgement: Judgement = NOTHING_YET


@dataclass(frozen=True)
class SetWeight:
    step: int
    weight_percent: int


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class ReturnTraffic:
    because: str


@dataclass(frozen=True)
class Pause:
    """Nothing is known: all traffic goes back, and a person is asked."""

    because: str


@dataclass(frozen=True)
class Yield:
    """Somebody else moves the traffic: touch nothing more."""

    because: str


@dataclass(frozen=True)
class Complete:
    pass


Action = SetWeight | Wait | ReturnTraffic | Pause | Yield | Complete


def decide(plan: Plan, progress: Progress, signals: Signals, now: float) -> Action:
    """Return the next action. `now` and `progress.since` are seconds of the same clock."""
    if not signals.weights_as_set:
        return Yield("the weights are not those that this shift set: another command moves traffic")
    if signals.alarms:
        return ReturnTraffic(f"in ALARM: {', '.join(signals.alarms)}")
    if progress.step is None:
        return SetWeight(0, plan.steps[0].weight_percent)
    if signals.judgement.verdict is Verdict.BAD:
        return ReturnTraffic(signals.judgement.because)
    remaining = plan.steps[progress.step].bake_seconds - (now - progress.since)
    if remaining > 0:
        return Wait(min(float(plan.poll_seconds), remaining))
    if unknown := _unknown(plan, signals):
        remaining += plan.patience_seconds
        return Wait(min(float(plan.poll_seconds), remaining)) if remaining > 0 else Pause(unknown)
    following = progress.step + 1
    if following < len(plan.steps):
        return SetWeight(following, plan.steps[following].weight_percent)
    return Complete()


def _unknown(plan: Plan, signals: Signals) -> str | None:
    """What would have to be known to go on."""
    if signals.judgement.verdict is Verdict.INCONCLUSIVE:
        return signals.judgement.because
    if signals.silent_alarms and plan.silent_alarms is Missing.INCONCLUSIVE:
        return f"in INSUFFICIENT_DATA: {', '.join(signals.silent_alarms)}"
    return None
