"""Payments while the database is away: who keeps paying, what they see, and how the database is taken away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import psutil
import psycopg

from local.merchant import Answer, Merchant

KILL_AGAIN_SECONDS = 0.02
NOTICED_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    answer: Answer
    at: float
    seconds: float


@dataclass(kw_only=True)
class Traffic:
    """What merchants saw, in the order in which they were answered."""

    payments: list[Seen] = field(default_factory=list)
    reads: list[Seen] = field(default_factory=list)

    def statuses(self) -> set[int]:
        return {seen.answer.status for seen in self.payments}

    def refused(self) -> list[Seen]:
        return [seen for seen in self.payments if seen.answer.status == 503]

    def paid_since(self, moment: float) -> list[Seen]:
        """Payments that were begun and confirmed after `moment`."""
        return [s for s in self.payments if s.answer.status == 201 and s.at - s.seconds > moment]


@contextmanager
def traffic(merchant: Merchant, customer_id: str, *, payers: int = 2) -> Iterator[Traffic]:
    """Pay and read without a pause while the block runs."""
    known = merchant.pay(customer_id, 100)
    assert known.status == 201, known.body
    seen, stop = Traffic(), threading.Event()

    def repeat(call: Any, into: list[Seen]) -> None:
        while not stop.is_set():
            started = time.monotonic()
            answer = call()
            into.append(Seen(answer=answer, at=time.monotonic(), seconds=time.monotonic() - started))

    with ThreadPoolExecutor(payers + 1) as pool:
        work = [pool.submit(repeat, lambda: merchant.pay(customer_id, 100), seen.payments) for _ in range(payers)]
        work.append(pool.submit(repeat, lambda: merchant.read(str(known.body["payment_id"])), seen.reads))
        try:
            yield seen
        finally:
            stop.set()
        for each in work:
            each.result()


@dataclass(frozen=True, kw_only=True)
class Database:
    """The writer of an environment's cluster."""

    session: boto3.Session
    suffix: str

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return self.connect_as(self.login("admin"))

    def login(self, role: str) -> dict[str, str]:
        """The current one of `admin` or `app`."""
        vault = self.session.client("secretsmanager")
        found: dict[str, str] = json.loads(
            vault.get_secret_value(SecretId=f"payment/{self.suffix}/database/{role}")["SecretString"]
        )
        return found

    def configured(self, key: str) -> str:
        name = f"/payment/{self.suffix}/config/database-{key}"
        return self.session.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]

    def accepts(self, login: Mapping[str, str]) -> bool:
        """Whether this password opens a connection. Raises what is not about the password."""
        try:
            self.connect_as(login).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" not in str(error):
                raise
            return False
        return True

    def end_sessions_of(self, username: str) -> None:
        with self.connect() as connection:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", [username])

    def connect_as(self, login: Mapping[str, str]) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host=self.configured("host"),
            port=int(self.configured("port")),
            dbname=self.configured("name"),
            user=login["username"],
            password=login["password"],
            sslmode="require",
            connect_timeout=5,
        )

    def kill(self, *, until: Callable[[], object]) -> float:
        """SIGKILL the server, and again whenever it came back, until somebody noticed; returns when (monotonic).

        A payment that is in flight waits for its connection a while and may well go through after a short outage: how
        long an outage must last to be noticed depends on the machine, so the caller says what it waits for.
        """
        with self.connect() as connection:
            server = psutil.Process(connection.info.backend_pid).parent()
        assert server is not None
        command = server.cmdline()
        deadline = time.monotonic() + NOTICED_WITHIN_SECONDS
        server.kill()
        while not until():
            assert time.monotonic() < deadline, f"nobody noticed within {NOTICED_WITHIN_SECONDS} s"
            for process in psutil.process_iter(["name"]):
                if process.info["name"] == "postgres" and _command(process) == command:
                    process.kill()
            time.sleep(KILL_AGAIN_SECONDS)
        return time.monotonic()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
