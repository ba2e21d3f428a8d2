"""What the controller needs of the world. The adapters in release.aws implement these ports with boto3."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from release.analysis import Sample
from release.approval import Approval
from release.errors import ReleaseError
from release.layout import ReleaseState
from release.model import Entry, Event, Journal, Lease, RoutedRule, StackView
from release.names import Colour

if TYPE_CHECKING:
    from release.preview import Probe, Reply


class TrafficRouter(Protocol):
    """Weighted routes. `set_weights` promises nothing: read the rules back. `keep` is called between what it reads and
    the change, here and in the other ports that take it: reading may take longer than the lease."""

    def rules(self) -> tuple[RoutedRule, ...]:
        """The routed rules in the order in which they are shifted; none when the balancer does not exist."""
        ...

    def set_weights(self, rule_arn: str, weights: Mapping[Colour, int], *, keep: Callable[[], None]) -> None: ...


class Functions(Protocol):
    """The coloured aliases."""

    def version(self, function: str, colour: Colour) -> str | None:
        """The version number that the alias holds; None when there is no alias."""
        ...

    def release_id(self, function: str, version: str) -> str | None: ...

    def point(self, function: str, colour: Colour, version: str) -> None: ...

    def provisioned(self, function: str, colour: Colour) -> str | None:
        """Lambda's word for its state, `READY` when all are started; None where none is asked for."""
        ...

    def provision(self, function: str, colour: Colour, environments: int) -> None: ...

    def unprovision(self, function: str, colour: Colour) -> None: ...

    def versions(self, function: str) -> tuple[str, ...]:
        """Numbers of all published versions; none when there is no function."""
        ...

    def delete(self, function: str, version: str) -> bool:
        """False when Lambda still needs the version for something."""
        ...


class ApiStage(Protocol):
    """The API's live stage."""

    def deployment_id(self) -> str | None: ...

    def has(self, deployment_id: str) -> bool | None:
        """Whether the API still has the deployment; None where that may not be read."""
        ...

    def deploy(self, deployment_id: str, *, keep: Callable[[], None]) -> None: ...


class Stacks(Protocol):
    def describe(self) -> tuple[StackView, ...]:
        """The environment's stacks that exist, in the order of their deployment."""
        ...

    def start_sync(self, name: str, *, keep: Callable[[], None]) -> bool:
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

    def silent(self) -> frozenset[str]:
        """Names of the watched alarms that have no data to be judged by."""
        ...


class Metrics(Protocol):
    def sample(self, colour: Colour, *, start: float, end: float, slow_ms: int) -> Sample:
        """What the colour served between the two times, in seconds since 1970."""
        ...


class Preview(Protocol):
    """The idle colour's way in, which is closed to everybody but the environment's test role."""

    def ask(self, colour: Colour, probe: "Probe") -> "Reply | None":
        """The answer to a request; None when none came."""
        ...


class StateStore(Protocol):
    """The projection that templates read."""

    def state(self) -> ReleaseState | None: ...

    def save_state(self, state: ReleaseState) -> None: ...

    def hold(self) -> str | None:
        """Why no shift may begin now; None when one may."""
        ...


class Ledger(Protocol):
    """The truth about releases. Writing needs the lease. Times are seconds since 1970."""

    def acquire(self, *, holder: str, command: str, until: float, instead_of: Lease | None) -> bool:
        """Take the lease when nobody has it, or when it is still `instead_of`."""
        ...

    def renew(self, *, until: float) -> bool:
        """False when the lease is somebody else's by now."""
        ...

    def release(self) -> None:
        """Give the lease back, if it is still this one's."""
        ...

    def lease(self) -> Lease | None: ...

    def journal(self) -> Journal: ...

    def save_journal(self, journal: Journal) -> None:
        """Raises `Overtaken` without the lease."""
        ...

    def add(self, entry: Entry) -> None:
        """Keep what happened, for good. What began at the same time is the same operation: its first entry stays."""
        ...

    def history(self, limit: int) -> tuple[Entry, ...]:
        """The last entries, newest first."""
        ...


class History(Protocol):
    """What happened in the pipeline, which is not the environment's."""

    def approvals(self, execution: str, stage: str) -> tuple[Approval, ...]:
        """Each time that a person was asked in this stage of the execution. Raises `Refused` when that cannot be
        read."""
        ...


class Events(Protocol):
    def tell(self, event: Event) -> None:
        """Keep the event for good, and notify whoever wants to know."""
        ...


class Clock(Protocol):
    """Seconds that may pass faster than those on the wall; `time` and `pause` are those on the wall."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    @property
    def factor(self) -> float: ...

    def time(self) -> float: ...

    def pause(self, seconds: float) -> None: ...


def _without_lease() -> None:
    raise ReleaseError("only a command that holds the lease may change anything")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One deployed environment, as the commands see it."""

    suffix: str
    router: TrafficRouter
    functions: Functions
    api_stage: ApiStage
    stacks: Stacks
    alarms: Alarms
    metrics: Metrics
    preview: Preview
    store: StateStore
    ledger: Ledger
    events: Events
    clock: Clock
    progress: Callable[[str], None]
    by: str
    """Who runs the command, for the ledger."""
    refresh: Callable[[], object]
    """Asks for new credentials when the old ones are about to end."""
    keep: Callable[[], None] = _without_lease
    """Called right before each change: renews the lease, and raises `Overtaken` when somebody else has it by now."""

    def wait(self, seconds: float) -> None:
        """Wait with the lease held."""
        self.keep()
        self.clock.sleep(seconds)
        self.keep()
