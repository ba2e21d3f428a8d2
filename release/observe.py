"""Look at an environment, and write down what was seen."""

from dataclasses import replace
from typing import Final

from release.clock import utc
from release.decisions import obstacle
from release.errors import Refused
from release.events import Decision, tell
from release.layout import ReleaseState
from release.model import (
    Entry,
    Journal,
    Observation,
    Operation,
    Provenance,
    Release,
    Result,
    StackView,
    WeightSet,
    live_release,
)
from release.names import DEPLOYMENT_OUTPUT, FUNCTIONS, Colour, release_version_output, stack
from release.ports import Environment

BY_HAND: Final = "by hand"
"""The command of the ledger's line on a release that no command has made live."""


def observe(environment: Environment) -> Observation:
    """Read weights, aliases and stage. Raises `Refused` where a routed function has no alias: there is
    then nothing that could be kept live."""
    rules = environment.router.rules()
    versions = {colour: {name: environment.functions.version(name, colour) for name in FUNCTIONS} for colour in Colour}
    for rule in rules:
        for colour, weight in rule.weights.items():
            if weight and versions[colour][rule.function] is None:
                raise Refused(f"{rule.function} sends traffic to {colour}, but has no alias of that name")
    seen = Observation(
        rules=rules,
        versions=versions,
        release_ids={},
        deployment_id=environment.api_stage.deployment_id(),
    )
    live = seen.live_colour
    if live is None:
        return seen
    release_ids = {
        name: environment.functions.release_id(name, version) if version else None
        for name, version in versions[live].items()
    }
    return replace(seen, release_ids=release_ids)


def stacks_at_rest(environment: Environment) -> tuple[StackView, ...]:
    """The stacks, none of which is being changed. Raises `Refused`."""
    stacks = environment.stacks.describe()
    if reason := obstacle(stacks):
        raise Refused(reason)
    return stacks


def deployed_release(suffix: str, stacks: tuple[StackView, ...]) -> Release:
    """What the last deployment made, from the stacks' outputs. Raises `Refused` when it did not."""
    outputs = {name: value for view in stacks for name, value in view.outputs.items()}
    wanted = {name: release_version_output(name) for name in FUNCTIONS}
    missing = [key for key in (*wanted.values(), DEPLOYMENT_OUTPUT) if key not in outputs]
    if missing:
        raise Refused(f"nothing to release in {suffix}: no output {', '.join(missing)} in {stack(suffix, '*')}")
    return Release(
        versions={name: outputs[key] for name, key in wanted.items()},
        deployment_id=outputs[DEPLOYMENT_OUTPUT],
    )


def record(environment: Environment, state: ReleaseState) -> Journal:
    """Write `state` down as what is live, with no command under way. A release that it displaces becomes
    the one that a rollback returns to. Returns the journal."""
    recorded = environment.store.state()
    journal = environment.ledger.journal()
    noted = journal.at_rest()
    if recorded and _moved_by_hand(recorded, state):
        # Nobody told the ledger where this release comes from.
        noted = journal.displaced_by(Provenance(), displaced=recorded)
        _tell_by_hand(environment, recorded, state)
    # The journal first: killed in between, the displaced release is still known, and the state is observed again.
    if noted != journal:
        environment.ledger.save_journal(noted)
    if recorded != state:
        environment.keep()
        environment.store.save_state(state)
    return noted


def _moved_by_hand(recorded: ReleaseState, seen: ReleaseState) -> bool:
    return recorded.has_history and live_release(recorded) != live_release(seen)


def _tell_by_hand(environment: Environment, recorded: ReleaseState, seen: ReleaseState) -> None:
    journal = Journal(origin=recorded)
    reason = f"no command made live what {seen.live_colour} serves; what {recorded.live_colour} served was recorded"
    tell(environment, Result.DONE, reason, command=BY_HAND, journal=journal)
    entry = entry_of(environment, journal, result=Result.DONE, reason=reason)
    environment.ledger.add(replace(entry, command=BY_HAND, after=seen))


def begin(
    environment: Environment,
    operation: Operation,
    origin: ReleaseState,
    asked: Provenance,
    *,
    exception: str | None = None,
) -> Journal:
    """Write down what is about to happen, and what it must be undone to."""
    recorded = environment.store.state()
    if recorded != origin:
        if recorded and _moved_by_hand(recorded, origin):
            _tell_by_hand(environment, recorded, origin)
        environment.keep()
        environment.store.save_state(origin)
    journal = replace(
        environment.ledger.journal().at_rest(),
        operation=operation,
        origin=origin,
        asked=asked,
        by=environment.by,
        started_at=utc(environment.clock.time()),
        exception=exception,
    )
    environment.ledger.save_journal(journal)
    tell(environment, Decision.BEGUN, f"{origin.live_colour} is live", command=operation, journal=journal)
    return journal


def note_weight(environment: Environment, weight_percent: int) -> None:
    """Record a weight that was set and read back."""
    journal = environment.ledger.journal()
    noted = WeightSet(at=utc(environment.clock.time()), weight_percent=weight_percent)
    environment.ledger.save_journal(replace(journal, weights=(*journal.weights, noted)))
    words = f"{weight_percent} % of the traffic, set and read back"
    tell(environment, Decision.WEIGHT_SET, words, command=journal.operation or "shift", journal=journal)


def close(environment: Environment, journal: Journal, rest: Journal, *, result: Result, reason: str) -> None:
    """End the operation of `journal`: one line in the ledger, then the journal at rest. Nothing under way, no line."""
    if journal.operation is not None:
        environment.keep()
        # Told first: what is in the ledger has been told, whenever this is killed.
        tell(environment, result, reason, command=journal.operation, journal=journal)
        environment.ledger.add(entry_of(environment, journal, result=result, reason=reason))
    environment.ledger.save_journal(rest)


def entry_of(environment: Environment, journal: Journal, *, result: Result, reason: str) -> Entry:
    ended_at = utc(environment.clock.time())
    return Entry(
        command=journal.operation or "shift",
        result=result,
        reason=reason,
        started_at=journal.started_at or ended_at,
        ended_at=ended_at,
        by=journal.by or environment.by,
        commit=journal.asked.commit,
        approved_by=journal.asked.approved_by,
        weights=journal.weights,
        before=journal.origin,
        after=environment.store.state(),
        exception=journal.exception,
    )
