"""What the controller decides, told as it happens. Each is told at least once: whoever heals may tell it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from release.clock import utc
from release.errors import Refused
from release.model import Event, Journal
from release.ports import Environment


class Decision(StrEnum):
    """An operation's end is told by its result: done, rolled back, paused, failed, healed."""

    FROZEN = "frozen"
    BEGUN = "begun"
    WEIGHT_SET = "weight set"
    REFUSED = "refused"


def tell(environment: Environment, decision: str, words: str, *, command: str, journal: Journal | None = None) -> None:
    """Tell a decision; `journal` says for which release it was."""
    asked = journal.asked if journal else None
    environment.events.tell(
        Event(
            environment=environment.suffix,
            at=utc(environment.clock.time()),
            command=command,
            decision=decision,
            words=words,
            by=(journal.by if journal else None) or environment.by,
            commit=asked.commit if asked else None,
            approved_by=asked.approved_by if asked else None,
            exception=journal.exception if journal else None,
        )
    )


@contextmanager
def refusals_told(environment: Environment, command: str) -> Iterator[None]:
    """Tell of a refusal, too: somebody wanted a release, and did not get it."""
    try:
        yield
    except Refused as reason:
        tell(environment, Decision.REFUSED, str(reason), command=command)
        raise
