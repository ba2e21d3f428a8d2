"""What is seen of an environment, and what is written down about it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from release.layout import FunctionState, ReleaseState
from release.names import FUNCTIONS, Colour

ALL_TRAFFIC = 100


@dataclass(frozen=True, kw_only=True)
class Release:
    """What a release consists of, whichever colour carries it: versions and an API deployment."""

    versions: Mapping[str, str | None]
    deployment_id: str | None


@dataclass(frozen=True, kw_only=True)
class RoutedRule:
    """A listener rule that divides a function's traffic between its colours by weight."""

    arn: str
    function: str
    weights: Mapping[Colour, int]

    def sends_all_to(self, colour: Colour) -> bool:
        return self.weights[colour] == ALL_TRAFFIC and self.weights[colour.other] == 0


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The environment as AWS shows it now. `release_ids` are those of the live colour's versions;
    empty while traffic is divided."""

    rules: tuple[RoutedRule, ...]
    versions: Mapping[Colour, Mapping[str, str | None]]
    release_ids: Mapping[str, str | None]
    deployment_id: str | None

    @property
    def exists(self) -> bool:
        return bool(self.rules)

    @property
    def live_colour(self) -> Colour | None:
        """The colour that has all traffic of every rule; None while traffic is divided."""
        return live_colour(self.rules)

    def state(self) -> ReleaseState:
        """What freeze writes down. Only for an undivided environment."""
        colour = self.live_colour
        if colour is None:
            raise ValueError("traffic is divided: there is no live colour to record")
        return ReleaseState(
            live_colour=colour,
            deployment_id=self.deployment_id,
            functions={
                name: FunctionState(
                    release_id=self.release_ids.get(name),
                    blue=self.versions[Colour.BLUE][name],
                    green=self.versions[Colour.GREEN][name],
                )
                for name in FUNCTIONS
            },
        )


def live_colour(rules: tuple[RoutedRule, ...]) -> Colour | None:
    for colour in Colour:
        if rules and all(rule.sends_all_to(colour) for rule in rules):
            return colour
    return None


def live_release(state: ReleaseState) -> Release:
    return Release(versions=state.versions(state.live_colour), deployment_id=state.deployment_id)


class Operation(StrEnum):
    """What moves traffic and can be killed half-way."""

    SHIFT = "shift"
    ROLLBACK = "rollback"
    HEAL = "heal"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a release comes from."""

    commit: str | None = None
    approved_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class WeightSet:
    """A weight that was set and read back; `at` is UTC, ISO 8601."""

    at: str
    weight_percent: int


@dataclass(frozen=True, kw_only=True)
class Journal:
    """Written before traffic moves, so that whoever comes after a kill knows what to undo or finish.

    `origin` is what was live when `operation` began, `asked` what it was to make live, `weights` how far it came,
    `exception` what it is excused from, and why.
    `live` tells where the live release comes from; `previous` is the release before it, which was approved and is
    what a rollback returns to. `frozen_for` is the commit of the last freeze.
    """

    operation: Operation | None = None
    origin: ReleaseState | None = None
    asked: Provenance = Provenance()
    by: str | None = None
    started_at: str | None = None
    weights: tuple[WeightSet, ...] = ()
    exception: str | None = None
    live: Provenance = Provenance()
    previous: ReleaseState | None = None
    previous_from: Provenance = Provenance()
    frozen_for: str | None = None

    def at_rest(self) -> "Journal":
        """The same with nothing under way."""
        return Journal(
            live=self.live, previous=self.previous, previous_from=self.previous_from, frozen_for=self.frozen_for
        )

    def displaced_by(self, newer: Provenance, *, displaced: ReleaseState) -> "Journal":
        """At rest, with another release live: the displaced one is what a rollback returns to."""
        return Journal(live=newer, previous=displaced, previous_from=self.live, frozen_for=self.frozen_for)

    def rolled_back(self) -> "Journal":
        """At rest, with the previous release live and nothing before it to return to."""
        return Journal(live=self.previous_from, frozen_for=self.frozen_for)


class Result(StrEnum):
    """How an operation ended."""

    DONE = "done"
    ROLLED_BACK = "rolled back"
    PAUSED = "paused"
    FAILED = "failed"
    HEALED = "healed"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the ledger: an operation that has ended. Times are UTC, ISO 8601."""

    command: str
    result: Result
    reason: str
    started_at: str
    ended_at: str
    by: str
    commit: str | None
    approved_by: str | None
    weights: tuple[WeightSet, ...]
    before: ReleaseState | None
    after: ReleaseState | None
    exception: str | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that was decided. `at` is UTC, ISO 8601; `decision` names it, `words` say why or what."""

    environment: str
    at: str
    command: str
    decision: str
    words: str
    by: str
    commit: str | None = None
    approved_by: str | None = None
    exception: str | None = None


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Who may move traffic now. `until` is in seconds since 1970; without renewal the lease ends then."""

    holder: str
    command: str
    until: float


@dataclass(frozen=True, kw_only=True)
class StackView:
    """A stack as far as releases care. `status` is CloudFormation's."""

    name: str
    status: str
    outputs: Mapping[str, str]
    reads_release_state: bool
