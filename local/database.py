"""Real PostgreSQL servers in Aurora's place, on loopback: writers, streaming standbys, and who restarts them.

The data is meant to be thrown away, but not before the engine ends: a killed server comes back with all of it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from local.engine.postgres_programs import DatabaseError, Programs, find_programs
from local.engine.postgres_setup import SUPERUSER, Login, initial_statements, initialize

__all__ = ["DatabaseError", "Databases", "Login", "Server"]

START_SECONDS = 20.0
STOP_SECONDS = 3.0
CATCH_UP_SECONDS = 5.0
WATCH_SECONDS = 0.2
READY_POLL_SECONDS = 0.02


class Databases:
    """Makes servers quickly, by copying one initialized data directory, and restarts those that died.

    `close` ends them and removes all files. `root` is theirs alone: what an earlier run left in it goes first.
    """

    def __init__(self, root: Path) -> None:
        self._lock = threading.Lock()
        self._root = root
        self._programs: dict[str, Programs] = {}
        self._servers: list[Server] = []
        self._closing = threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="database-supervisor").start()

    def create(self, *, version: str, master: Login, database: str) -> Server:
        """Start an empty server of major `version` whose `master` owns `database`. Raises `DatabaseError`."""
        programs, template = self.prepare(version)
        server = Server(programs=programs, home=Path(tempfile.mkdtemp(prefix="cluster-", dir=self._root)))
        shutil.copytree(template, server.data)
        programs.give(server.home)
        self._servers.append(server)
        server.initialize(master=master, database=database)
        return server

    def standby(self, source: Server) -> Server:
        """Start a hot standby that streams from `source`. Raises `DatabaseError`."""
        home = Path(tempfile.mkdtemp(prefix="cluster-", dir=self._root))
        server = Server(programs=source.programs, home=home, superuser=source.superuser)
        source.programs.give(home)
        self._servers.append(server)
        server.follow(source)
        return server

    def remove(self, server: Server) -> None:
        """End a server and remove its data."""
        server.destroy()
        self._servers.remove(server)

    def prepare(self, version: str) -> tuple[Programs, Path]:
        """The programs and the initialized data directory to copy; worth calling ahead of time (half a second)."""
        with self._lock:
            if not self._programs:
                shutil.rmtree(self._root, ignore_errors=True)
                self._root.mkdir(mode=0o755)
            if version not in self._programs:
                self._programs[version] = find_programs(version, self._root)
            template = self._root / f"template-{version}"
            if not template.exists():
                initialize(self._programs[version], template)
            return self._programs[version], template

    def close(self) -> None:
        self._closing.set()
        for server in list(self._servers):
            server.destroy()
        shutil.rmtree(self._root, ignore_errors=True)

    def _watch(self) -> None:
        while not self._closing.wait(WATCH_SECONDS):
            for server in list(self._servers):
                server.revive()


@dataclass(kw_only=True)
class Server:
    """One PostgreSQL on 127.0.0.1:`port`, in its folder `home`. Its methods exclude each other."""

    programs: Programs
    home: Path
    port: int = 0
    superuser: Login = field(default_factory=lambda: Login(username=SUPERUSER, password=os.urandom(16).hex()))
    _process: subprocess.Popen[bytes] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def pid(self) -> int | None:
        """The main process; None while the server is stopped."""
        return None if self._process is None else self._process.pid

    def initialize(self, *, master: Login, database: str) -> None:
        """Create the master user and the database, then serve."""
        statements = initial_statements(self.superuser, master, database)
        self.programs.run("postgres", "--single", "-D", str(self.data), "postgres", text=statements)
        self.start()

    def follow(self, source: Server) -> None:
        """Give up what is here and become a standby of `source`."""
        with self._lock:
            self.stop()
            shutil.rmtree(self.data, ignore_errors=True)
            passwords = self.home / "passwords"
            passwords.write_text(f"*:*:*:{self.superuser.username}:{self.superuser.password}\n")
            passwords.chmod(0o600)
            self.programs.give(self.home)
            origin = f"host=127.0.0.1 port={source.port} user={self.superuser.username} passfile={passwords}"
            options = ("-R", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-manifest")
            self.programs.run("pg_basebackup", "-D", str(self.data), "-d", origin, *options)
            self.start()

    def start(self) -> None:
        """Serve. Returns when connections are accepted. Raises `DatabaseError`."""
        with self._lock:
            if self._process is not None:
                return
            self.port = self.port or _free_port()
            process = self._process = self._spawn()
            deadline = time.monotonic() + START_SECONDS
            while not self.answers():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise DatabaseError(f"PostgreSQL did not come up: {self._log_tail()}")
                time.sleep(READY_POLL_SECONDS)

    def stop(self) -> None:
        """End all sessions and the server, once its standbys have everything. Safe to repeat."""
        self._end(signal.SIGINT)

    def revive(self) -> bool:
        """Start the server again if it should run and does not; says whether that was so."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._process is None or self._process.poll() is None:
                return False
            # It may refuse while processes of the old one still hold its memory; the next look tries again.
            self._process = self._spawn()
            return True
        finally:
            self._lock.release()

    def promote(self) -> None:
        """End being a standby; sessions that were opened to read end. Raises `DatabaseError`."""
        with self._lock, self.connect() as connection:
            (done,) = connection.execute("SELECT pg_promote(true, 30)").fetchone() or (False,)
            if not done:
                raise DatabaseError(f"PostgreSQL did not end its recovery: {self._log_tail()}")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def wait_for_standbys(self, count: int) -> None:
        """Return when `count` standbys stream. Raises `DatabaseError` when they do not in time."""
        deadline = time.monotonic() + CATCH_UP_SECONDS
        statement = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        while True:
            try:
                with self.connect() as connection:
                    if (connection.execute(statement).fetchone() or (0,))[0] >= count:  # type: ignore[operator]
                        return
            except psycopg.OperationalError:
                self.revive()
            if time.monotonic() > deadline:
                raise DatabaseError("no standby is near enough to take over")
            time.sleep(READY_POLL_SECONDS)

    def set_password(self, user: Login) -> None:
        """Change a user's password as the superuser."""
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(user.username), sql.Literal(user.password)
        )
        with self.connect() as connection:
            connection.execute(statement)

    def destroy(self) -> None:
        """End the server at once and remove its data. Safe to repeat."""
        self._end(signal.SIGQUIT)
        shutil.rmtree(self.home, ignore_errors=True)

    def answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A session of the superuser."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=self.superuser.username,
            password=self.superuser.password,
            dbname="postgres",
            connect_timeout=2,
            autocommit=True,
        )

    def _spawn(self) -> subprocess.Popen[bytes]:
        return self.programs.spawn("postgres", "-D", str(self.data), "-p", str(self.port), log=self.home / "server.log")

    def _end(self, how: signal.Signals) -> None:
        with self._lock:
            process, self._process = self._process, None
            if process is None:
                return
            process.send_signal(how)
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _log_tail(self) -> str:
        return (self.home / "server.log").read_text(errors="replace")[-2000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
