"""One PostgreSQL connection per worker: found again when it broke, given up when it is too slow."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TypeVar

import psycopg

from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.postgres import Connection, Login, is_authentication_failure

# Far below the function's time-out: a payment that cannot be checked is answered with 503 while somebody listens.
DEADLINE_SECONDS = 2.0
# What a statement gets at least, however long connecting took.
FIRST_STATEMENT_SECONDS = 0.5

# After these a new connection can succeed where the old one did not; the last is a writer that became a reader.
_BROKEN = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)

Result = TypeVar("Result")


class LoginSource(Protocol):
    """Where the login comes from; `refresh` skips any cache."""

    def __call__(self, *, refresh: bool) -> Login: ...


class Database:
    """Not for several threads at once: a worker serves one request at a time."""

    def __init__(
        self,
        *,
        connect: Callable[[Login], Connection],
        login: LoginSource,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._connect = connect
        self._login = login
        self._deadline_seconds = deadline_seconds
        self._connection: Connection | None = None

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """The result of `work`, which may be called twice and so must be safe to repeat.

        Raises `DependencyUnavailable` when the database cannot be reached, or does not answer within the deadline.
        """
        deadline = time.monotonic() + self._deadline_seconds
        try:
            reused = self._connection
            if reused is not None and not reused.closed:
                try:
                    return _before(deadline, reused, work)
                except _BROKEN:
                    self.close()
                    # A connection that broke at once was stale; one that took all the time was not.
                    if time.monotonic() >= deadline:
                        raise
            self._connection = self._open()
            return _before(max(deadline, time.monotonic() + FIRST_STATEMENT_SECONDS), self._connection, work)
        except _BROKEN as error:
            self.close()
            raise DependencyUnavailable(
                ErrorCode.DATABASE_UNAVAILABLE, "Nothing was written. Retry with the same key."
            ) from error

    def close(self) -> None:
        """Give the connection up, whatever state it is in."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        try:
            return self._connect(self._login(refresh=False))
        except psycopg.OperationalError as error:
            if not is_authentication_failure(error):
                raise
        # The password was rotated under the cached one.
        return self._connect(self._login(refresh=True))


def _before(deadline: float, connection: Connection, work: Callable[[Connection], Result]) -> Result:
    with _cut_at(deadline, connection):
        return work(connection)


@contextmanager
def _cut_at(deadline: float, connection: Connection) -> Iterator[None]:
    """Shut the connection's socket down at `deadline`, a monotonic time.

    The server's own time-out is of no use when it is the server, or the way to it, that hangs.
    """

    def cut() -> None:
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline - time.monotonic(), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
