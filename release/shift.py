"""Move live traffic to what was deployed, approved and tested: in steps, watched, and back when it hurts."""

from dataclasses import replace

from release.decisions import (
    Action,
    Complete,
    MoveStage,
    MoveTraffic,
    NothingToDo,
    Progress,
    Refuse,
    ReturnTraffic,
    SetWeight,
    Signals,
    Wait,
    Yield,
    assess,
    decide,
)
from release.errors import Exit, Refused, ReleaseError
from release.layout import ReleaseState
from release.model import Observation, Operation, Release
from release.names import Colour
from release.observe import begin, observe, record
from release.plans import Plan
from release.ports import Environment
from release.traffic import move_stage, restore, set_weight, weights_hold


class _RolledBack(ReleaseError):
    exit = Exit.ROLLED_BACK


def shift(
    environment: Environment,
    plan: Plan,
    deployed: Release,
    *,
    commit: str | None,
    approved_by: str | None,
) -> tuple[Exit, str]:
    """Make `deployed` live. The caller has healed the environment. Raises `Refused` when the idle colour
    does not hold it, `ReleaseError` when something broke; all traffic is back on the old release then."""
    journal = environment.store.journal()
    if commit and journal.frozen_for and commit != journal.frozen_for:
        raise Refused(f"the environment was frozen for commit {journal.frozen_for}, this is {commit}")
    observed = observe(environment)
    match assess(observed, deployed):
        case Refuse(reason):
            raise Refused(reason)
        case NothingToDo():
            record(environment, observed.state())
            return Exit.NOTHING_TO_DO, f"{observed.live_colour} serves this release already"
        case MoveStage():
            to = None
        case MoveTraffic(colour):
            to = colour
    known = _alarms_before(environment)
    origin = observed.state()
    begin(environment, Operation.SHIFT, origin, replace(journal, commit=commit, approved_by=approved_by))
    try:
        if to is not None:
            _move_traffic(environment, plan, to, known)
        move_stage(environment, deployed.deployment_id)
        moved = observe(environment)
        _check(moved, deployed)
    except _Overtaken:
        raise
    except _RolledBack as stop:
        _undo(environment, origin)
        return Exit.ROLLED_BACK, f"all traffic is back on {origin.live_colour}: {stop}"
    except Exception:
        environment.progress("something broke: returning all traffic")
        _undo(environment, origin)
        raise
    # The state first: once it differs from the journal's origin, the shift counts as done.
    environment.store.save_state(moved.state())
    journal = environment.store.journal()
    environment.store.save_journal(replace(journal, operation=None, origin=None, previous=origin))
    if to is None:
        return Exit.DONE, f"only the API changed: live serves deployment {deployed.deployment_id}"
    return Exit.DONE, f"all traffic is on {to}"


class _Overtaken(ReleaseError):
    """Another command moves traffic: whatever this one did next would be wrong."""


def _alarms_before(environment: Environment) -> frozenset[str]:
    """The alarms that say nothing about the new release, because they are red already. Raises `Refused`."""
    if not environment.alarms.watched():
        raise Refused("there is no alarm to watch: traffic is never moved blindly")
    known = environment.alarms.firing()
    if known:
        environment.progress(f"in ALARM before the shift, not watched: {', '.join(sorted(known))}")
    return known


def _move_traffic(environment: Environment, plan: Plan, to: Colour, known: frozenset[str]) -> None:
    """Walk the plan's steps. Raises `_RolledBack` on an alarm, `_Overtaken` when the weights are changed."""
    progress = Progress()
    weight = 0
    while True:
        signals = Signals(
            alarms=tuple(sorted(environment.alarms.firing() - known)),
            weights_as_set=weights_hold(environment, to, weight),
        )
        action: Action = decide(plan, progress, signals, environment.clock.now())
        match action:
            case SetWeight(step, weight_percent):
                set_weight(environment, to, weight_percent)
                weight = weight_percent
                progress = Progress(step=step, since=environment.clock.now())
                environment.progress(f"{to}: {weight} %, read back; watching for {plan.steps[step].bake_seconds} s")
            case Wait(seconds):
                environment.clock.sleep(seconds)
                environment.progress(
                    f"{to}: {weight} %, {environment.clock.now() - progress.since:.0f} s, no new alarm"
                )
            case ReturnTraffic(because):
                raise _RolledBack(because)
            case Yield(because):
                raise _Overtaken(because)
            case Complete():
                return


def _undo(environment: Environment, origin: ReleaseState) -> None:
    restore(environment, origin)
    journal = environment.store.journal()
    environment.store.save_journal(replace(journal, operation=None, origin=None))


def _check(observed: Observation, deployed: Release) -> None:
    live = observed.live_colour
    if live is None or observed.versions[live] != deployed.versions or observed.deployment_id != deployed.deployment_id:
        raise ReleaseError("after the last step the release is not live as a whole")
