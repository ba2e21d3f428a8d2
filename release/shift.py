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
from release.errors import Exit, Overtaken, Refused, ReleaseError
from release.layout import ReleaseState
from release.model import Journal, Observation, Operation, Provenance, Release, Result
from release.names import Colour
from release.observe import begin, close, entry_of, note_weight, observe, record
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
    journal = environment.ledger.journal()
    if commit and journal.frozen_for and commit != journal.frozen_for:
        raise Refused(f"the environment was frozen for commit {journal.frozen_for}, this is {commit}")
    asked = Provenance(commit=commit, approved_by=approved_by)
    observed = observe(environment)
    match assess(observed, deployed):
        case Refuse(reason):
            raise Refused(reason)
        case NothingToDo():
            _first_release(environment, observed, asked)
            return Exit.NOTHING_TO_DO, f"{observed.live_colour} serves this release already"
        case MoveStage():
            to = None
        case MoveTraffic(colour):
            to = colour
    known = _alarms_before(environment)
    origin = observed.state()
    begin(environment, Operation.SHIFT, origin, asked)
    try:
        if to is not None:
            _move_traffic(environment, plan, to, known)
        move_stage(environment, deployed.deployment_id)
        moved = observe(environment)
        _check(moved, deployed)
    except Overtaken:
        raise
    except _RolledBack as stop:
        _undo(environment, origin, result=Result.ROLLED_BACK, reason=str(stop))
        return Exit.ROLLED_BACK, f"all traffic is back on {origin.live_colour}: {stop}"
    except Exception as error:
        environment.progress("something broke: returning all traffic")
        _undo(environment, origin, result=Result.FAILED, reason=type(error).__name__)
        raise
    # The state first: once it differs from the journal's origin, the shift counts as done.
    environment.keep()
    environment.store.save_state(moved.state())
    noted = environment.ledger.journal()
    close(environment, noted, shifted(noted), result=Result.DONE, reason="all steps were done")
    if to is None:
        return Exit.DONE, f"only the API changed: live serves deployment {deployed.deployment_id}"
    return Exit.DONE, f"all traffic is on {to}"


def shifted(journal: Journal) -> Journal:
    """The journal at rest after the shift that it describes."""
    return journal.displaced_by(journal.asked, displaced=journal.origin) if journal.origin else journal.at_rest()


def _first_release(environment: Environment, observed: Observation, asked: Provenance) -> None:
    """Record what is live; an environment's first release is live without a shift, and has its line too."""
    recorded = environment.store.state()
    journal = record(environment, observed.state())
    if recorded is None or not recorded.has_history:
        entry = entry_of(
            environment, replace(journal, asked=asked), result=Result.DONE, reason="the environment's first deployment"
        )
        environment.ledger.add(entry)
        environment.ledger.save_journal(replace(journal, live=asked))


def _alarms_before(environment: Environment) -> frozenset[str]:
    """The alarms that say nothing about the new release, because they are red already. Raises `Refused`."""
    if not environment.alarms.watched():
        raise Refused("there is no alarm to watch: traffic is never moved blindly")
    known = environment.alarms.firing()
    if known:
        environment.progress(f"in ALARM before the shift, not watched: {', '.join(sorted(known))}")
    return known


def _move_traffic(environment: Environment, plan: Plan, to: Colour, known: frozenset[str]) -> None:
    """Walk the plan's steps. Raises `_RolledBack` on an alarm, `Overtaken` when the weights are changed."""
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
                note_weight(environment, weight)
                progress = Progress(step=step, since=environment.clock.now())
                environment.progress(f"{to}: {weight} %, read back; watching for {plan.steps[step].bake_seconds} s")
            case Wait(seconds):
                environment.wait(seconds)
                environment.progress(
                    f"{to}: {weight} %, {environment.clock.now() - progress.since:.0f} s, no new alarm"
                )
            case ReturnTraffic(because):
                raise _RolledBack(because)
            case Yield(because):
                raise Overtaken(because)
            case Complete():
                return


def _undo(environment: Environment, origin: ReleaseState, *, result: Result, reason: str) -> None:
    restore(environment, origin)
    journal = environment.ledger.journal()
    close(environment, journal, journal.at_rest(), result=result, reason=reason)


def _check(observed: Observation, deployed: Release) -> None:
    live = observed.live_colour
    if live is None or observed.versions[live] != deployed.versions or observed.deployment_id != deployed.deployment_id:
        raise ReleaseError("after the last step the release is not live as a whole")
