"""A real PostgreSQL in Aurora's place: one server for each cluster, on loopback, its data meant to be thrown away."""

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

SUPERUSER = "rdsadmin"
START_SECONDS = 20.0
STOP_SECONDS = 3.0
CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = '16MB'
wal_level = 'minimal'
max_wal_senders = 0
fsync = off
full_page_writes = off
synchronous_commit = off
jit = off
# No statement and no parameter ever reaches a log.
log_min_error_statement = 'panic'
log_parameter_max_length_on_error = 0
"""
HOST_RULES = "host all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True, kw_only=True)
class Login:
    username: str
    password: str = field(repr=False)


class Databases:
    """Makes servers quickly, by copying one initialized data directory. `close` ends them and removes all files.

    `root` is theirs alone: what an earlier run left in it goes first.
    """

    def __init__(self, root: Path) -> None:
        self._lock = threading.Lock()
        self._root = root
        self._programs: dict[str, Programs] = {}
        self._servers: list[Server] = []

    def create(self, *, version: str, master: Login, database: str) -> Server:
        """Start an empty server of major `version` whose `master` owns `database`. Raises `DatabaseError`."""
        programs, template = self.prepare(version)
        home = Path(tempfile.mkdtemp(prefix="cluster-", dir=template.parent))
        shutil.copytree(template, home / "data")
        programs.give(home)
        server = Server(programs=programs, home=home)
        self._servers.append(server)
        server.start(master=master, database=database)
        return server

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
                _initialize(self._programs[version], template)
            return self._programs[version], template

    def close(self) -> None:
        for server in self._servers:
            server.stop()
        shutil.rmtree(self._root, ignore_errors=True)


@dataclass(kw_only=True)
class Server:
    """One PostgreSQL on 127.0.0.1:`port`, in its folder `home`."""

    programs: Programs
    home: Path
    port: int = 0
    _superuser: Login = field(default_factory=lambda: Login(username=SUPERUSER, password=os.urandom(16).hex()))
    _process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.home / "data"

    def start(self, *, master: Login, database: str) -> None:
        """Create the master user and the database, then serve. Returns when the master can log in."""
        statements = _initial_statements(self._superuser, master, database)
        self.programs.run("postgres", "--single", "-D", str(self.data), "postgres", text=statements)
        self.port = _free_port()
        self._process = self.programs.spawn(
            "postgres", "-D", str(self.data), "-p", str(self.port), log=self.home / "server.log"
        )
        self._wait_until_ready(self._process, master, database)

    def set_password(self, user: Login) -> None:
        """Change a user's password as the superuser."""
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
            sql.Identifier(user.username), sql.Literal(user.password)
        )
        with self._connect(self._superuser, "postgres") as connection:
            connection.execute(statement)

    def stop(self) -> None:
        """End the server at once and remove its data. Safe to repeat."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def _wait_until_ready(self, process: subprocess.Popen[bytes], master: Login, database: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._connect(master, database).close()
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    log = (self.home / "server.log").read_text(errors="replace")[-2000:]
                    raise DatabaseError(f"PostgreSQL did not come up: {log}") from error
                time.sleep(0.02)
            else:
                return

    def _connect(self, user: Login, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=user.username,
            password=user.password,
            dbname=database,
            autocommit=True,
        )


def _initialize(programs: Programs, template: Path) -> None:
    staging = template.with_suffix(".new")
    staging.mkdir(mode=0o700)
    programs.give(staging)
    # "trust" only for initdb's own sake: HOST_RULES replace it before anything listens.
    programs.run("initdb", "-D", str(staging), "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "-A", "trust", "--no-sync")
    with (staging / "postgresql.conf").open("a") as configuration:
        configuration.write(CONFIGURATION)
    (staging / "pg_hba.conf").write_text(HOST_RULES)
    staging.rename(template)


def _initial_statements(superuser: Login, master: Login, database: str) -> str:
    """One statement a line, as PostgreSQL's single-user mode reads them.

    As on RDS the master is no superuser but may create roles and databases.
    """
    names = {
        "superuser": sql.Identifier(superuser.username),
        "superuser_password": sql.Literal(superuser.password),
        "master": sql.Identifier(master.username),
        "master_password": sql.Literal(master.password),
        "database": sql.Identifier(database),
    }
    lines = (
        "ALTER ROLE {superuser} PASSWORD {superuser_password}",
        "CREATE ROLE rds_superuser NOLOGIN",
        "GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser WITH ADMIN OPTION",
        "CREATE ROLE {master} LOGIN CREATEROLE CREATEDB PASSWORD {master_password}",
        "GRANT rds_superuser TO {master}",
        "CREATE DATABASE {database} OWNER {master}",
    )
    return "".join(sql.SQL(line).format(**names).as_string(None) + "\n" for line in lines)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
