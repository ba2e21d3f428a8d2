"""Provisioned concurrency: on the colour that is about to get traffic, and off the other one when it is needed no more.

It follows traffic, so it is the controller's and never the template's. Lambda allows it once for a version: where both
colours hold the same one, it stays on the colour with the traffic.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from release.errors import Refused
from release.model import Result, StackView
from release.names import FUNCTIONS, Colour, provisioned_concurrency_output
from release.ports import Environment

READY: Final = "READY"
FAILED: Final = "FAILED"
WITHIN_SECONDS: Final = 300.0
"""How long Lambda may take to start the environments of a shift; on the wall's clock."""
AT_ONCE_SECONDS: Final = 30.0
"""How long a rollback waits for it."""
_PAUSE_SECONDS: Final = 2.0
Wanted = Mapping[str, int]


def wanted_concurrency(stacks: Iterable[StackView]) -> Wanted:
    """What the environment's data asks for, from the stacks' outputs."""
    outputs = {key: value for view in stacks for key, value in view.outputs.items()}
    return {name: int(outputs.get(provisioned_concurrency_output(name), "0")) for name in FUNCTIONS}


def warm(environment: Environment, colour: Colour, wanted: Wanted, *, within_seconds: float) -> tuple[str, ...]:
    """Give the idle `colour` what it needs, and wait. Returns the functions that are not ready in time."""
    functions = environment.functions
    names = [name for name, number in wanted.items() if number and not _shared(environment, name)]
    for name in names:
        if functions.provisioned(name, colour) is None:
            environment.keep()
            functions.provision(name, colour, wanted[name])
    deadline = environment.clock.time() + within_seconds
    while late := tuple(name for name in names if functions.provisioned(name, colour) != READY):
        if environment.clock.time() >= deadline or any(functions.provisioned(n, colour) == FAILED for n in late):
            return late
        environment.keep()
        environment.clock.pause(_PAUSE_SECONDS)
    return ()


def warm_or_refuse(environment: Environment, colour: Colour, wanted: Wanted) -> None:
    """For a shift: a cold colour would be slow, and be judged so. Raises `Refused`."""
    if late := warm(environment, colour, wanted, within_seconds=WITHIN_SECONDS):
        raise Refused(f"provisioned concurrency of {colour} is not ready: {', '.join(late)}")


def follow_traffic(environment: Environment, live: Colour, wanted: Wanted) -> None:
    """Where both colours hold one version, move it to the colour with the traffic; give it what it lacks."""
    functions = environment.functions
    for name in (name for name, number in wanted.items() if number):
        if _shared(environment, name) and functions.provisioned(name, live.other) is not None:
            environment.keep()
            functions.unprovision(name, live.other)
        if functions.provisioned(name, live) is None:
            environment.keep()
            functions.provision(name, live, wanted[name])


def cool(environment: Environment, colour: Colour) -> tuple[str, ...]:
    """Take it off a colour that has no traffic. Returns the functions that had it."""
    warm_ones = tuple(name for name in FUNCTIONS if environment.functions.provisioned(name, colour) is not None)
    for name in warm_ones:
        environment.keep()
        environment.functions.unprovision(name, colour)
    return warm_ones


def warm_until(environment: Environment, warm_seconds: int) -> float | None:
    """When the old colour may cool, in seconds since 1970; None when the last operation moved no traffic."""
    last = next(iter(environment.ledger.history(1)), None)
    if last is None or last.result is not Result.DONE or not last.weights:
        return None
    return datetime.fromisoformat(last.ended_at).timestamp() + warm_seconds * environment.clock.factor


def _shared(environment: Environment, name: str) -> bool:
    versions = {environment.functions.version(name, colour) for colour in Colour}
    return len(versions) == 1
