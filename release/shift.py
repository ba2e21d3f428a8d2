"""Move live traffic to what was deployed, approved and tested: in steps, watched, and back when it hurts."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from release.analysis import NOTHING_YET, SILENCE, Judgement, Sample, judge
from release.decisions import (
    Action,
    Complete,
    MoveStage,
    MoveTraffic,
    NothingToDo,
    Pause,
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
from release.events import tell
from release.layout import ReleaseState
from release.model import ALL_TRAFFIC, Journal, Observation, Operation, Provenance, Release, Result
from release.names import Colour
from release.observe import begin, close, entry_of, note_weight, observe, record
from release.plans import Plan
from release.ports import Environment
from release.preview import check_idle
from release.traffic import move_stage, restore, set_weight, weights_hold
from release.warmth import Wanted, follow_traffic, warm_or_refuse

QUIET_WITHIN_SECONDS: Final = 60.0
"""How long a shift waits for alarms to be quiet; the tests of the idle colour may have set some off a moment ago."""
_LOOK_SECONDS: Final = 5.0


class _RolledBack(ReleaseError):
    exit = Exit.ROLLED_BACK


class _Paused(ReleaseError):
    exit = Exit.PAUSED


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the caller asks for. A hotfix ignores the alarms that are red already; `because` says why whoever asks
    does so, and goes into the ledger."""

    commit: str | None = None
    approved_by: str | None = None
    hotfix: bool = False
    override_hold: bool = False
    despite_silence: bool = False
    because: str | None = None

    def __post_init__(self) -> None:
        if (self.hotfix or self.override_hold or self.despite_silence) and not (self.because and self.approved_by):
            raise Refused("--hotfix, --override-hold and --despite-silence need --approved-by and --because")
        if self.override_hold and not self.hotfix:
            raise Refused("only a hotfix may override a hold")


def shift(
    environment: Environment,
    plan: Plan,
    deployed: Release,
    *,
    request: Request,
    wanted: Wanted,
) -> tuple[Exit, str]:
    """Make `deployed` live. The caller has healed the environment. Raises `Refused` when the idle colour
    does not hold it or somebody holds releases, `ReleaseError` when something broke; all traffic is back on the old
    release then."""
    commit = request.commit
    journal = environment.ledger.journal()
    if commit and journal.frozen_for and commit != journal.frozen_for:
        raise Refused(f"the environment was frozen for commit {journal.frozen_for}, this is {commit}")
    asked = Provenance(commit=commit, approved_by=request.approved_by)
    observed = observe(environment)
    match assess(observed, deployed):
        case Refuse(reason):
            raise Refused(reason)
        case NothingToDo():
            _first_release(environment, observed, asked)
            if observed.live_colour:
                follow_traffic(environment, observed.live_colour, wanted)
            return Exit.NOTHING_TO_DO, f"{observed.live_colour} serves this release already"
        case MoveStage():
            to = None
        case MoveTraffic(colour):
            to = colour
    if plan.approval_required and not request.approved_by:
        raise Refused(f"a release to {environment.suffix} is approved by somebody: --approved-by says by whom")
    hold = _hold(environment, request)
    known = _alarms_before(environment, plan, may_begin=request.hotfix or plan.begins_while_red)
    if to is not None:
        check_idle(environment, to, deployed)
        warm_or_refuse(environment, to, wanted)
    origin = observed.state()
    begin(environment, Operation.SHIFT, origin, asked, exception=_exception(request, hold, known))
    try:
        if to is not None:
            _move_traffic(environment, plan, to, known)
        move_stage(environment, deployed.deployment_id)
        moved = observe(environment)
        _check(moved, deployed)
    except Overtaken:
        raise
    except _Paused as stop:
        _undo(environment, origin, result=Result.PAUSED, reason=str(stop))
        return Exit.PAUSED, f"all traffic is back on {origin.live_colour}, and nothing is decided: {stop}"
    except _RolledBack as stop:
        _undo(environment, origin, result=Result.ROLLED_BACK, reason=str(stop))
        return Exit.ROLLED_BACK, f"all traffic is back on {origin.live_colour}: {stop}"
    except Exception as error:
        _undo(environment, origin, result=Result.FAILED, reason=type(error).__name__)
        raise
    # The state first: once it differs from the journal's origin, the shift counts as done.
    environment.keep()
    environment.store.save_state(moved.state())
    noted = environment.ledger.journal()
    close(environment, noted, shifted(noted), result=Result.DONE, reason="all steps were done")
    if to is not None:
        follow_traffic(environment, to, wanted)
    if to is None:
        return Exit.DONE, f"only the API changed: live serves deployment {deployed.deployment_id}"
    return Exit.DONE, f"all traffic is on {to}"


def shifted(journal: Journal) -> Journal:
    """The journal at rest after the shift that it describes."""
    return journal.displaced_by(journal.asked, displaced=journal.origin) if journal.origin else journal.at_rest()


def is_released(environment: Environment, deployed: Release) -> bool:
    """Whether `deployed` is live, and an environment's first release recorded: a shift has nothing to do then."""
    recorded = environment.store.state()
    return bool(recorded and recorded.has_history and isinstance(assess(observe(environment), deployed), NothingToDo))


def _first_release(environment: Environment, observed: Observation, asked: Provenance) -> None:
    """Record what is live; an environment's first release is live without a shift, and has its line too."""
    recorded = environment.store.state()
    journal = record(environment, observed.state())
    if recorded is None or not recorded.has_history:
        entry = entry_of(
            environment, replace(journal, asked=asked), result=Result.DONE, reason="the environment's first deployment"
        )
        tell(environment, entry.result, entry.reason, command=entry.command, journal=replace(journal, asked=asked))
        environment.ledger.add(entry)
        environment.ledger.save_journal(replace(journal, live=asked))


def _hold(environment: Environment, request: Request) -> str | None:
    """The hold that the request overrides. Raises `Refused` while releases are held."""
    hold = environment.store.hold()
    if hold and not request.override_hold:
        raise Refused(f"releases are held: {hold}")
    return hold


def _exception(request: Request, hold: str | None, known: frozenset[str]) -> str | None:
    """What this shift is excused from, and why: for the journal, so that every line and event of it says so."""
    made = {
        "hotfix": request.hotfix,
        f"not watched: {', '.join(sorted(known))}": bool(known),
        f"overrides the hold ({hold})": hold is not None,
        "silence": request.despite_silence,
    }
    words = ", ".join(kind for kind, is_so in made.items() if is_so)
    return ": ".join(each for each in (words, request.because) if each) or None


def _alarms_before(environment: Environment, plan: Plan, *, may_begin: bool) -> frozenset[str]:
    """The alarms that say nothing about the new release, because they are red already. Raises `Refused`."""
    if not plan.goes_by(environment.alarms.watched()):
        raise Refused("there is no alarm to watch: traffic is never moved blindly")
    deadline = environment.clock.time() + QUIET_WITHIN_SECONDS
    while (known := plan.goes_by(environment.alarms.firing())) and not may_begin:
        if environment.clock.time() >= deadline:
            break
        environment.progress(f"in ALARM before the shift: {', '.join(sorted(known))}; waiting for it to be quiet")
        environment.keep()
        environment.clock.pause(_LOOK_SECONDS)
    if known and not may_begin:
        raise Refused(f"in ALARM before the shift: {', '.join(sorted(known))}; a hotfix may go ahead")
    if known:
        environment.progress(f"in ALARM before the shift, not watched: {', '.join(sorted(known))}")
    return known


def _move_traffic(environment: Environment, plan: Plan, to: Colour, known: frozenset[str]) -> None:
    """Walk the plan's steps. Raises `_RolledBack` on an alarm, `Overtaken` when the weights are changed."""
    watch = _Watch(environment, plan, to)
    progress = Progress()
    weight = 0
    while True:
        signals = Signals(
            alarms=tuple(sorted(plan.goes_by(environment.alarms.firing()) - known)),
            silent_alarms=tuple(sorted(plan.goes_by(environment.alarms.silent()) - known)),
            weights_as_set=weights_hold(environment, to, weight),
            judgement=watch.judgement(),
        )
        action: Action = decide(plan, progress, signals, environment.clock.now())
        match action:
            case SetWeight(step, weight_percent):
                set_weight(environment, to, weight_percent)
                weight = weight_percent
                note_weight(environment, weight)
                watch.begin_step(weight_percent)
                progress = Progress(step=step, since=environment.clock.now())
                environment.progress(f"{to}: {weight} %, read back; watching for {plan.steps[step].bake_seconds} s")
            case Wait(seconds):
                environment.wait(seconds)
                environment.progress(
                    f"{to}: {weight} %, {environment.clock.now() - progress.since:.0f} s, no new alarm; "
                    f"{signals.judgement.because}"
                )
            case ReturnTraffic(because):
                raise _RolledBack(because)
            case Pause(because):
                raise _Paused(because)
            case Yield(because):
                raise Overtaken(because)
            case Complete():
                return


class _Watch:
    """Compares what the two colours served since the step began. When all traffic is on the new one, the live release
    is what it was in the step before."""

    def __init__(self, environment: Environment, plan: Plan, to: Colour) -> None:
        self._environment, self._criteria, self._to = environment, plan.criteria, to
        self._since: float | None = None
        self._live_seen = SILENCE
        self._live_before: Sample | None = None

    def begin_step(self, weight_percent: int) -> None:
        self._since = self._environment.clock.time()
        self._live_before = self._live_seen if weight_percent == ALL_TRAFFIC else None

    def judgement(self) -> Judgement:
        if self._since is None:
            return NOTHING_YET
        end = self._environment.clock.time()
        sample = partial(self._environment.metrics.sample, start=self._since, end=end, slow_ms=self._criteria.slow_ms)
        self._live_seen = sample(self._to.other)
        return judge(self._criteria, new=sample(self._to), live=self._live_before or self._live_seen)


def _undo(environment: Environment, origin: ReleaseState, *, result: Result, reason: str) -> None:
    environment.progress(f"returning all traffic: {reason}")
    restore(environment, origin)
    environment.progress(f"all traffic is back on {origin.live_colour}, read back")
    journal = environment.ledger.journal()
    close(environment, journal, journal.at_rest(), result=result, reason=reason)


def _check(observed: Observation, deployed: Release) -> None:
    live = observed.live_colour
    if live is None or observed.versions[live] != deployed.versions or observed.deployment_id != deployed.deployment_id:
        raise ReleaseError("after the last step the release is not live as a whole")
