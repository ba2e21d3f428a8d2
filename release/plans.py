"""Shift plans: how traffic moves in each environment. Data."""

from dataclasses import dataclass, replace
from typing import Final

from release.analysis import Criteria, Missing

MAXIMUM_SECONDS: Final = 2700
"""The build that shifts ends after an hour; a plan has to fit with room to return traffic."""
RELEASE_ALARM_SECONDS: Final = 30
"""How far back the release alarms look: three periods of ten seconds."""


DISREGARDED: Final = (
    # By the minute and for both colours at once: the release alarms tell the colours apart every ten seconds.
    "-latency-p99",
    # Slow or down for both colours alike, and a release may be what mends it: what a step compares tells them apart.
    "-unscored",
    # No release of the coloured functions changes these: people see to them.
    "database-cpu",
    "database-replica-lag",
    "audit-behind",
    "audit-failures",
    "rotation-errors",
    # A payment from long before: no step of a release is as long as what it has waited.
    "stuck-payments",
)
"""How the names of those alarms end that say nothing about a release. All others return the traffic."""


@dataclass(frozen=True, kw_only=True)
class Step:
    weight_percent: int
    bake_seconds: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Steps of the new release's share, each watched for its bake time; alarms and metrics are read every poll.

    Where data is missing that is not expected to be, a step bakes for `patience_seconds` more, and then the shift
    pauses: `criteria.few_requests` and `silent_alarms` (in INSUFFICIENT_DATA) say what is expected.
    The old colour keeps its provisioned concurrency for `warm_seconds` after the shift, for a rollback at once.
    Where `approval_required`, a shift names who approved the release; elsewhere nobody has to.
    Where a shift `begins_while_red`, alarms that are red before say nothing about it; elsewhere only a hotfix begins.
    """

    steps: tuple[Step, ...]
    poll_seconds: int
    criteria: Criteria
    patience_seconds: int
    approval_required: bool
    begins_while_red: bool
    silent_alarms: Missing
    warm_seconds: int = 0
    disregards: tuple[str, ...] = DISREGARDED

    def __post_init__(self) -> None:
        weights = [step.weight_percent for step in self.steps]
        if not weights or weights[-1] != 100 or weights != sorted(set(weights)) or weights[0] < 1:
            raise ValueError(f"weights must rise from at least 1 to 100, not {weights}")
        if any(step.bake_seconds < 1 for step in self.steps) or self.poll_seconds < 1:
            raise ValueError("every step bakes for at least a second, and is polled at least so often")
        if any(step.bake_seconds < RELEASE_ALARM_SECONDS for step in self.steps):
            raise ValueError(f"a step bakes for at least {RELEASE_ALARM_SECONDS} s, the release alarms' window")
        if sum(step.bake_seconds + self.patience_seconds for step in self.steps) > MAXIMUM_SECONDS:
            raise ValueError(f"the plan takes longer than {MAXIMUM_SECONDS} seconds")

    def goes_by(self, alarms: frozenset[str]) -> frozenset[str]:
        """Those of the alarms that say something about a release."""
        return frozenset(name for name in alarms if not name.endswith(self.disregards))

    def at_speed(self, factor: float) -> "Plan":
        """The plan for a clock of that factor: in a fiftieth of the time come a fiftieth of the requests."""
        wanted = max(1, round(self.criteria.minimum_requests * min(1.0, factor)))
        return replace(self, criteria=replace(self.criteria, minimum_requests=wanted))

    def expecting_silence(self) -> "Plan":
        """The plan of a person who takes it on himself that few requests, or none, have judged the release."""
        return replace(self, criteria=replace(self.criteria, few_requests=Missing.EXPECTED))


def _plan(
    *,
    bake_seconds: int,
    missing: Missing,
    patience_seconds: int,
    approval_required: bool,
    begins_while_red: bool,
    warm_seconds: int = 0,
) -> Plan:
    """The usual three steps."""
    return Plan(
        steps=tuple(Step(weight_percent=weight, bake_seconds=bake_seconds) for weight in (10, 50, 100)),
        poll_seconds=5,
        criteria=Criteria(
            minimum_requests=100,
            few_requests=missing,
            minimum_faults=4,
            error_factor=2,
            error_margin_percent=1,
            slow_ms=500,
            # What one pause of a machine makes slow in the first seconds of a step are fewer.
            minimum_slow=10,
            slow_factor=2,
            slow_margin_percent=1,
            # More than the cold starts of a few workers, far less than fraud detection that does not answer.
            minimum_unscored=10,
            unscored_margin_percent=10,
        ),
        patience_seconds=patience_seconds,
        approval_required=approval_required,
        begins_while_red=begins_while_red,
        silent_alarms=missing,
        warm_seconds=warm_seconds,
    )


# Nobody pays in dev and staging but the integration tests, which called the idle colour just before: silence is what
# is expected there. In prod a step is also as long as the window of the alarms that look at minutes.
_PLANS: Final = {
    "dev": _plan(
        bake_seconds=30, missing=Missing.EXPECTED, patience_seconds=0, approval_required=False, begins_while_red=True
    ),
    "staging": _plan(
        bake_seconds=60, missing=Missing.EXPECTED, patience_seconds=0, approval_required=False, begins_while_red=True
    ),
    "prod": _plan(
        bake_seconds=180,
        missing=Missing.INCONCLUSIVE,
        patience_seconds=600,
        approval_required=True,
        begins_while_red=False,
        warm_seconds=600,
    ),
}


def plan_for(suffix: str) -> Plan:
    """The environment's plan; a pull request's environment shifts like dev."""
    return _PLANS.get(suffix, _PLANS["dev"])
