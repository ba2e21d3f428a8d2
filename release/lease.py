"""One command at a time: whoever changes an environment holds its lease, and stops when it is somebody else's."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread
from typing import Final

from release.errors import Busy, Overtaken, ReleaseError
from release.events import refusals_told
from release.model import Lease
from release.ports import Environment

LEASE_SECONDS: Final = 20.0
"""How long a killed command keeps others waiting, from when they see it."""
RENEW_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 2 * LEASE_SECONDS
_POLL_SECONDS: Final = 1.0
_RENEWALS: Final = 3


@contextmanager
def leased(environment: Environment, command: str) -> Iterator[Environment]:
    """The environment, ready to be changed. Raises `Busy` while another command is at work."""
    since = _acquire(environment, command)
    try:
        with refusals_told(environment, command):
            yield replace(environment, keep=_Keeper(environment, since).keep)
    finally:
        environment.ledger.release()


@contextmanager
def kept_meanwhile(environment: Environment) -> Iterator[None]:
    """Keep the lease through one call that takes long; it ends with the process, as every lease does."""
    ended = Event()

    def keep() -> None:
        while not ended.wait(RENEW_SECONDS):
            environment.keep()

    keeper = Thread(target=keep, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _acquire(environment: Environment, command: str) -> float:
    """Take the lease; return since when it is held. Somebody else's is over when it was not renewed for its length
    under the eyes of this command: what its times say is another clock's business."""
    clock = environment.clock
    deadline = clock.time() + PATIENCE_SECONDS
    other: Lease | None = None
    unchanged_since = clock.time()
    while True:
        now = clock.time()
        over = other if now - unchanged_since > LEASE_SECONDS else None
        if environment.ledger.acquire(
            holder=environment.by, command=command, until=now + LEASE_SECONDS, instead_of=over
        ):
            return now
        seen = environment.ledger.lease()
        words = f"{seen.command} of {seen.holder}" if seen else "another command"
        if now >= deadline:
            raise Busy(f"{words} is at work on {environment.suffix}; try again when it has ended")
        if other is None:
            environment.progress(f"waiting for {words}, which is at work or was killed")
        if seen != other:
            other, unchanged_since = seen, clock.time()
        clock.pause(_POLL_SECONDS)


class _Keeper:
    """Renews the lease, but not more often than it has to be."""

    def __init__(self, environment: Environment, since: float) -> None:
        self._environment = environment
        self._renewed_at = since

    def keep(self) -> None:
        # Now, and not within the change.
        self._environment.refresh()
        # Again where renewing itself took long: a change is to have the lease for the rest of its length.
        renewals = 0
        while (now := self._environment.clock.time()) - self._renewed_at >= RENEW_SECONDS:
            if renewals == _RENEWALS:
                raise ReleaseError("renewing the lease takes so long that nothing can be changed within it")
            if not self._environment.ledger.renew(until=now + LEASE_SECONDS):
                raise Overtaken("the lease has run out, and another command has it now")
            self._renewed_at = now
            renewals += 1
