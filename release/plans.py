"""Shift plans: how traffic moves in each environment. Data."""

from dataclasses import dataclass
from typing import Final

MAXIMUM_SECONDS: Final = 2700
"""A chained role session ends after an hour; a plan has to fit with room to return traffic."""


@dataclass(frozen=True, kw_only=True)
class Step:
    weight_percent: int
    bake_seconds: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Steps of the new release's share, each watched for its bake time; alarms are read every poll."""

    steps: tuple[Step, ...]
    poll_seconds: int

    def __post_init__(self) -> None:
        weights = [step.weight_percent for step in self.steps]
        if not weights or weights[-1] != 100 or weights != sorted(set(weights)) or weights[0] < 1:
            raise ValueError(f"weights must rise from at least 1 to 100, not {weights}")
        if any(step.bake_seconds < 1 for step in self.steps) or self.poll_seconds < 1:
            raise ValueError("every step bakes for at least a second, and is polled at least so often")
        if sum(step.bake_seconds for step in self.steps) > MAXIMUM_SECONDS:
            raise ValueError(f"the plan takes longer than {MAXIMUM_SECONDS} seconds")


def _plan(*, first: int, second: int, last: int) -> Plan:
    """The usual three steps with their bake times in seconds."""
    return Plan(
        steps=(
            Step(weight_percent=10, bake_seconds=first),
            Step(weight_percent=50, bake_seconds=second),
            Step(weight_percent=100, bake_seconds=last),
        ),
        poll_seconds=5,
    )


# Alarms look at minutes: a step of staging and prod is longer than one evaluation window.
_PLANS: Final = {
    "dev": _plan(first=10, second=10, last=10),
    "staging": _plan(first=60, second=60, last=60),
    "prod": _plan(first=120, second=120, last=180),
}


def plan_for(suffix: str) -> Plan:
    """The environment's plan; a pull request's environment shifts like dev."""
    return _PLANS.get(suffix, _PLANS["dev"])
