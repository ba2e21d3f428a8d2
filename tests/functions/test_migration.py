"""The schema comes to where the release needs it, once, in order, whoever else is trying."""

import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from local.database import Databases
from payment_core.postgres import Endpoint, Login, connect
from schema_migration import handler as migration_handler
from schema_migration.errors import MigrationFailed
from schema_migration.migrator import MIGRATIONS, migrate
from tests.functions.cloud import ADMIN_SECRET_ARN, FakeCloud
from tests.functions.conftest import ADMINISTRATOR, APPLICATION, endpoint_of, new_server

NAMES = sorted(path.stem for path in MIGRATIONS.glob("*.sql"))


@pytest.fixture(scope="module")
def server(databases: Databases) -> Iterator[Endpoint]:
    """A server whose roles nobody else relies on."""
    made = new_server(databases)
    yield endpoint_of(made)
    made.stop()


@pytest.fixture
def empty(server: Endpoint) -> Endpoint:
    """A database that nothing has been done to."""
    name = f"payments_{uuid.uuid4().hex}"
    with connect(server, ADMINISTRATOR, statement_seconds=10) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return replace(server, name=name)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the migrations to change."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


def _migrate(endpoint: Endpoint, directory: Path = MIGRATIONS) -> list[str]:
    return migrate(endpoint, administrator=ADMINISTRATOR, application=APPLICATION, directory=directory)


def _can_read_customers(endpoint: Endpoint, login: Login = APPLICATION) -> bool:
    with connect(endpoint, login, statement_seconds=2) as connection:
        return connection.execute("select count(*) from customers").fetchone() is not None


def test_an_empty_database_gets_everything_and_the_application_can_use_it(empty: Endpoint) -> None:
    assert _migrate(empty) == NAMES
    assert _can_read_customers(empty)
    assert _migrate(empty) == []


def test_two_at_once_apply_each_migration_once(empty: Endpoint) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: _migrate(empty), range(2)))
    assert sorted(results) == [[], NAMES]


def test_every_migration_can_be_run_again_for_one_may_die_before_it_is_marked(empty: Endpoint) -> None:
    _migrate(empty)
    with connect(empty, ADMINISTRATOR, statement_seconds=5) as connection:
        connection.execute("delete from _yoyo_migration")
    assert _migrate(empty) == NAMES


def test_a_lock_that_a_killed_migration_left_does_not_stop_the_next(empty: Endpoint) -> None:
    _migrate(empty)
    with connect(empty, ADMINISTRATOR, statement_seconds=5) as connection:
        connection.execute("insert into yoyo_lock (locked, ctime, pid) values (1, now(), 4711)")
        connection.execute("delete from _yoyo_migration")
    assert _migrate(empty) == NAMES


def test_a_migration_that_was_changed_afterwards_is_refused(empty: Endpoint, directory: Path) -> None:
    _migrate(empty, directory)
    with (directory / f"{NAMES[0]}.sql").open("a") as file:
        file.write("-- an afterthought\n")
    (directory / "9999-next.sql").write_text("create table next_thing (id int);")
    with pytest.raises(MigrationFailed, match=NAMES[0]):
        _migrate(empty, directory)
    with connect(empty, ADMINISTRATOR, statement_seconds=5) as connection:
        assert connection.execute("select to_regclass('next_thing')").fetchone() == (None,)


def test_a_migration_that_fails_leaves_nothing_and_can_be_corrected(empty: Endpoint, directory: Path) -> None:
    broken = directory / "9999-next.sql"
    broken.write_text("create table half (id int);\nselect nonsense;")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        _migrate(empty, directory)
    with connect(empty, ADMINISTRATOR, statement_seconds=5) as connection:
        assert connection.execute("select to_regclass('half')").fetchone() == (None,)
    broken.write_text("create table half (id int);")
    assert _migrate(empty, directory) == ["9999-next"]


def test_the_application_s_password_follows_its_secret(empty: Endpoint) -> None:
    _migrate(empty)
    changed = Login(username=APPLICATION.username, password="another")
    migrate(empty, administrator=ADMINISTRATOR, application=changed)
    assert _can_read_customers(empty, changed)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(empty, APPLICATION, statement_seconds=2)


def test_the_function_answers_what_it_applied(empty: Endpoint, cloud: FakeCloud) -> None:
    cloud.ssm.values |= {"database-port": str(empty.port), "database-name": empty.name}
    assert migration_handler.handler({"operation": "migrate"}, None) == {"applied": NAMES, "pending": 0}
    assert migration_handler.handler({"operation": "migrate"}, None) == {"applied": [], "pending": 0}


def test_the_function_fails_loudly_and_tells_no_password(
    database: Endpoint, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.ssm.values["database-port"] = str(database.port)
    cloud.secretsmanager.store(ADMIN_SECRET_ARN, "payment_admin", "wrong and secret")
    with pytest.raises(MigrationFailed) as failure:
        migration_handler.handler({"operation": "migrate"}, None)
    assert failure.value.__suppress_context__
    assert "wrong and secret" not in f"{failure.value}{capsys.readouterr()}"
    with pytest.raises(MigrationFailed, match="no such operation"):
        migration_handler.handler({"operation": "rollback"}, None)


def test_the_application_may_not_be_the_administrator(database: Endpoint) -> None:
    with pytest.raises(MigrationFailed, match="administrator"):
        migrate(database, administrator=ADMINISTRATOR, application=ADMINISTRATOR)
