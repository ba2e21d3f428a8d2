"""What the controller needs of the world. The adapters in release.aws implement these ports with boto3."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from release.layout import ReleaseState
from release.model import Journal, RoutedRule, StackView
from release.names import Colour


class TrafficRouter(Protocol):
    """Weighted routes. `set_weights` promises nothing: read the rules back."""

    def rules(self) -> tuple[RoutedRule, ...]:
        """The routed rules in the order in which they are shifted; none when the balancer does not exist."""
        ...

    def set_weights(self, rule_arn: str, weights: Mapping[Colour, int]) -> None: ...


class Functions(Protocol):
    """The coloured aliases."""

    def version(self, function: str, colour: Colour) -> str | None:
        """The version number that the alias holds; None when there is no alias."""
        ...

    def release_id(self, function: str, version: str) -> str | None: ...

    def point(self, function: str, colour: Colour, version: str) -> None: ...


class ApiStage(Protocol):
    """The API's live stage."""

    def deployment_id(self) -> str | None: ...

    def deploy(self, deployment_id: str) -> None: ...


class Stacks(Protocol):
    def describe(self) -> tuple[StackView, ...]:
        """The environment's stacks that exist, in the order of their deployment."""
        ...

    def start_sync(self, name: str) -> bool:
        """Begin an update with the previous template and parameters. False: nothing would change."""
        ...

    def failure(self, name: str) -> str:
        """Why the last update failed, in CloudFormation's words."""
        ...


class Alarms(Protocol):
    def watched(self) -> frozenset[str]:
        """Names of the environment's alarms."""
        ...

    def firing(self) -> frozenset[str]:
        """Names of the watched alarms that are in ALARM."""
        ...


class StateStore(Protocol):
    def state(self) -> ReleaseState | None: ...

    def save_state(self, state: ReleaseState) -> None: ...

    def journal(self) -> Journal: ...

    def save_journal(self, journal: Journal) -> None: ...


class Clock(Protocol):
    """Seconds that may pass faster than those on the wall."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One deployed environment, as the commands see it."""

    suffix: str
    router: TrafficRouter
    functions: Functions
    api_stage: ApiStage
    stacks: Stacks
    alarms: Alarms
    store: StateStore
    clock: Clock
    progress: Callable[[str], None]
