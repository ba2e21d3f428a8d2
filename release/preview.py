"""Before any live traffic: does the idle colour answer, and is it the release that was deployed and approved?"""

from dataclasses import dataclass
from typing import Any, Final

from release.errors import Refused
from release.model import Release
from release.names import Colour
from release.ports import Environment

WITHIN_SECONDS: Final = 30.0
"""How long a function may take to start; on the wall's clock."""
_PAUSE_SECONDS: Final = 1.0
_NOT_A_CARD: Final = "4242424242424241"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A request that changes nothing, and the status that says that `function` has answered it."""

    function: str
    method: str
    path: str
    status: int
    body: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Which release answered, by its own words; None where nothing says it."""

    status: int
    colour: str | None
    version: str | None


PROBES: Final = (
    Probe(function="processing", method="GET", path="/health", status=200),
    # A number that fails its check digit is refused before anything is written.
    Probe(
        function="validation",
        method="POST",
        path="/payments",
        status=400,
        body={
            "amount_minor": 100,
            "currency": "USD",
            "customer_id": "cus_release_check",
            "card": {"number": _NOT_A_CARD, "expiry_month": 12, "expiry_year": 2090, "cvv": "000"},
        },
    ),
)


def check_idle(environment: Environment, colour: Colour, deployed: Release) -> None:
    """Ask each routed function of the idle colour, on the road of live traffic. Raises `Refused`."""
    for probe in PROBES:
        expected = Reply(status=probe.status, colour=colour, version=deployed.versions[probe.function])
        deadline = environment.clock.time() + WITHIN_SECONDS
        while (reply := environment.preview.ask(colour, probe)) != expected:
            if environment.clock.time() >= deadline:
                raise Refused(
                    f"{probe.method} {probe.path} of the idle colour: {_words(reply)}, not {_words(expected)}"
                )
            environment.keep()
            environment.clock.pause(_PAUSE_SECONDS)
    environment.progress(f"{colour} answers as it should through its preview stage; no live traffic has moved")


def _words(reply: Reply | None) -> str:
    return "no answer" if reply is None else f"{reply.status} of {reply.colour} version {reply.version}"
