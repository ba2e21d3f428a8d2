"""How the functions log in to PostgreSQL. Only those that do import this: the driver costs a quarter of a second."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from payment_core.errors import DependencyUnavailable, ErrorCode

# libpq knows no shorter connection time-out.
CONNECT_SECONDS = 2

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the database is. `ssl_mode` is libpq's."""

    host: str
    port: int
    name: str
    ssl_mode: str


@dataclass(frozen=True, kw_only=True)
class Login:
    """A database user."""

    username: str
    password: str = field(repr=False)

    @classmethod
    def parse(cls, secret: str) -> "Login":
        """The login in a secret's JSON text. Raises `DependencyUnavailable`, never quoting the secret."""
        try:
            values: Mapping[str, str] = json.loads(secret)
            return cls(username=values["username"], password=values["password"])
        except (ValueError, KeyError, TypeError):
            raise DependencyUnavailable(
                ErrorCode.CONFIGURATION_UNAVAILABLE, "The service is not configured right now.", subject="secret"
            ) from None

    def verifier(self, connection: Connection) -> str:
        """The password as the server stores it (SCRAM): in this form it can stand in a statement, and so in a log."""
        return connection.pgconn.encrypt_password(
            self.password.encode(), self.username.encode(), b"scram-sha-256"
        ).decode()


def connect(endpoint: Endpoint, login: Login, *, statement_seconds: float, idle_seconds: float = 60) -> Connection:
    """An autocommitting connection to the writer. Raises `psycopg.OperationalError`.

    The server ends a statement after `statement_seconds`, and the session after `idle_seconds` without one: a
    cluster that scales to zero must not be kept awake by workers that nobody calls.
    """
    return psycopg.connect(
        host=endpoint.host,
        port=endpoint.port,
        dbname=endpoint.name,
        user=login.username,
        password=login.password,
        sslmode=endpoint.ssl_mode,
        connect_timeout=CONNECT_SECONDS,
        target_session_attrs="read-write",
        application_name="payment",
        options=f"-c statement_timeout={statement_seconds:g}s -c idle_session_timeout={idle_seconds:g}s",
        autocommit=True,
    )


def is_authentication_failure(error: psycopg.OperationalError) -> bool:
    """Whether the server refused the login (SQLSTATE 28P01); libpq hands on only the text while connecting."""
    return error.sqlstate == "28P01" or "password authentication failed" in str(error)


def ensure_login(connection: Connection, login: Login, *, member_of: str) -> None:
    """Make `login` able to log in with its password and a member of the role `member_of`. Safe to repeat."""
    user, group = sql.Identifier(login.username), sql.Identifier(member_of)
    exists = connection.execute("select from pg_roles where rolname = %s", [login.username]).fetchone() is not None
    command = sql.SQL("alter role {} with login password {}" if exists else "create role {} with login password {}")
    connection.execute(command.format(user, sql.Literal(login.verifier(connection))))
    connection.execute(sql.SQL("grant {} to {}").format(group, user))
