"""Applies the SQL files, one release at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import default_migration_table, read_migrations

from payment_core.database_endpoint import APPLICATION_ROLE
from payment_core.postgres import Connection, Endpoint, Login, connect, ensure_login
from schema_migration import checksums
from schema_migration.errors import MigrationFailed

MIGRATIONS = Path(__file__).parent / "migrations"
STATEMENT_SECONDS = 120
LOCK_SECONDS = 60
# Any number will do as long as nobody else in this database uses it.
_LOCK_KEY = 7_220_115_001


def migrate(endpoint: Endpoint, *, administrator: Login, application: Login, directory: Path = MIGRATIONS) -> list[str]:
    """Apply what is pending in `directory`, in order, and return its names. Safe to repeat, to kill and to race.

    Afterwards `application` can log in with exactly the rights of the application's role. Raises `MigrationFailed`,
    and `psycopg.Error` from a statement that the database refused.
    """
    if application.username == administrator.username:
        raise MigrationFailed("The application must not log in as the administrator.")
    with (
        connect(endpoint, administrator, statement_seconds=STATEMENT_SECONDS, idle_seconds=0) as connection,
        _exclusive(connection),
    ):
        _ensure_application_role(connection)
        applied = _apply(connection, endpoint, administrator, directory)
        ensure_login(connection, application, member_of=APPLICATION_ROLE)
    return applied


@contextmanager
def _exclusive(connection: Connection) -> Iterator[None]:
    """Hold the migrations' advisory lock, which dies with the session of whoever holds it."""
    connection.execute(sql.SQL("set lock_timeout = {}").format(sql.Literal(f"{LOCK_SECONDS}s")))
    try:
        connection.execute("select pg_advisory_lock(%s)", [_LOCK_KEY])
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationFailed(f"Another migration has been running for {LOCK_SECONDS} seconds.") from error
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock(%s)", [_LOCK_KEY])


def _ensure_application_role(connection: Connection) -> None:
    exists = connection.execute("select from pg_roles where rolname = %s", [APPLICATION_ROLE]).fetchone()
    if exists is None:
        connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(APPLICATION_ROLE)))


def _apply(connection: Connection, endpoint: Endpoint, administrator: Login, directory: Path) -> list[str]:
    migrations = read_migrations(str(directory))
    sha256 = {migration.id: checksums.checksum(Path(migration.path)) for migration in migrations}
    checksums.verify(connection, sha256)
    with PostgresqlPsycopgBackend(_uri(endpoint, administrator), default_migration_table) as backend:
        backend.init_database()
        # yoyo's own lock is a row that outlives whoever is killed; ours is held, so a row can only be such a leftover.
        backend.break_lock()
        pending = list(backend.to_apply(migrations))
        for migration in pending:
            # One by one: yoyo's loop over all of them skips a migration that it cannot read.
            backend.apply_one(migration)
    for migration_id, digest in sha256.items():
        checksums.record(connection, migration_id, digest)
    return [migration.id for migration in pending]


def _uri(endpoint: Endpoint, login: Login) -> DatabaseURI:
    return DatabaseURI(
        scheme="postgresql+psycopg",
        username=login.username,
        password=login.password,
        hostname=endpoint.host,
        port=endpoint.port,
        database=endpoint.name,
        args={"sslmode": endpoint.ssl_mode, "target_session_attrs": "read-write"},
    )
