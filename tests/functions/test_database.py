"""The one connection of a worker: found again, given up in time, and good for nothing but its own merchant's rows."""

import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.postgres import Connection, Endpoint, Login, connect
from tests.functions.conftest import ADMINISTRATOR, APPLICATION
from transaction_processing.customers import CustomerStatus, CustomerTerms
from transaction_processing.database import Database
from transaction_processing.postgres_customers import PostgresCustomerStore

TERMS = CustomerTerms(
    status=CustomerStatus.ACTIVE, currency="USD", per_payment_limit_minor=10**12, daily_limit_minor=2 * 10**12
)


class Worker:
    """A database as one worker has it, whose login and connections can be looked at."""

    def __init__(self, endpoint: Endpoint, *, deadline_seconds: float = 2.0, statement_seconds: float = 2.0) -> None:
        self.endpoint = endpoint
        self.logins = [APPLICATION]
        self.refreshed = 0
        self.opened: list[Connection] = []
        self._statement_seconds = statement_seconds
        self.database = Database(connect=self._connect, login=self._login, deadline_seconds=deadline_seconds)

    def value(self, statement: str) -> object:
        row = self.database.run(lambda connection: connection.execute(statement.encode()).fetchone())
        return row[0] if row else None

    def _connect(self, login: Login) -> Connection:
        self.opened.append(connect(self.endpoint, login, statement_seconds=self._statement_seconds))
        return self.opened[-1]

    def _login(self, *, refresh: bool) -> Login:
        self.refreshed += refresh
        return self.logins[-1 if refresh else 0]


@pytest.fixture
def worker(database: Endpoint) -> Iterator[Worker]:
    made = Worker(database)
    yield made
    made.database.close()


def _unavailable(worker: Worker, statement: str = "select 1") -> float:
    """How long it took to be told that the database is not available."""
    started = time.monotonic()
    with pytest.raises(DependencyUnavailable) as refused:
        worker.value(statement)
    assert refused.value.code is ErrorCode.DATABASE_UNAVAILABLE
    return time.monotonic() - started


def test_one_connection_serves_all_requests_of_a_worker(worker: Worker) -> None:
    assert {worker.value("select pg_backend_pid()") for _ in range(5)} == {worker.opened[0].info.backend_pid}


def test_a_session_that_the_server_ended_is_replaced_unnoticed(worker: Worker, database: Endpoint) -> None:
    pid = worker.value("select pg_backend_pid()")
    with connect(database, ADMINISTRATOR, statement_seconds=2) as administrator:
        administrator.execute("select pg_terminate_backend(%s, 2000)", [pid])
    assert worker.value("select 1") == 1
    assert len(worker.opened) == 2


def test_an_idle_session_is_ended_by_the_server(database: Endpoint) -> None:
    connection = connect(database, APPLICATION, statement_seconds=2, idle_seconds=0.2)
    assert connection.execute("select 1").fetchone() == (1,)
    time.sleep(0.5)
    with pytest.raises(psycopg.errors.IdleSessionTimeout):
        connection.execute("select 1")


def test_a_rotated_password_is_fetched_again_once(worker: Worker) -> None:
    worker.logins = [replace(APPLICATION, password="rotated away"), APPLICATION]
    assert worker.value("select 1") == 1
    assert worker.refreshed == 1


def test_a_password_that_stays_wrong_is_an_unavailable_database(worker: Worker) -> None:
    worker.logins = [replace(APPLICATION, password="wrong")]
    _unavailable(worker)
    assert worker.refreshed == 1


def test_nobody_listening_is_noticed_at_once(database: Endpoint) -> None:
    assert _unavailable(Worker(replace(database, port=9))) < 1


def test_a_server_that_accepts_and_says_nothing_is_given_up_within_the_time_out(database: Endpoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        took = _unavailable(Worker(replace(database, port=silent.getsockname()[1])))
    assert 1.5 < took < 3.5


def test_a_slow_statement_is_cancelled_by_the_server(database: Endpoint) -> None:
    worker = Worker(database, statement_seconds=0.2)
    assert _unavailable(worker, "select pg_sleep(10)") < 1.5
    assert worker.value("select 1") == 1


@pytest.mark.parametrize("warm", [False, True])
def test_a_server_that_stopped_answering_is_cut_off_by_the_client(database: Endpoint, warm: bool) -> None:
    worker = Worker(database, deadline_seconds=0.5, statement_seconds=30)
    if warm:
        worker.value("select 1")
    assert _unavailable(worker, "select pg_sleep(10)") < 1.5
    assert len(worker.opened) == 1
    assert worker.value("select 1") == 1


def test_customers_are_found_by_merchant_and_id(worker: Worker) -> None:
    store, merchant = PostgresCustomerStore(database=worker.database), f"m-{uuid.uuid4()}"
    assert store.find(merchant_id=merchant, customer_id="cus_1") is None
    made = store.put(merchant_id=merchant, customer_id="cus_1", terms=TERMS)
    assert store.find(merchant_id=merchant, customer_id="cus_1") == made
    assert store.find(merchant_id="another", customer_id="cus_1") is None
    assert (made.terms, made.created_at) == (TERMS, made.updated_at)


def test_putting_a_customer_again_replaces_terms_and_keeps_its_birthday(worker: Worker) -> None:
    store, merchant = PostgresCustomerStore(database=worker.database), f"m-{uuid.uuid4()}"
    made = store.put(merchant_id=merchant, customer_id="cus_1", terms=TERMS)
    blocked = replace(TERMS, status=CustomerStatus.BLOCKED)
    changed = store.put(merchant_id=merchant, customer_id="cus_1", terms=blocked)
    assert (changed.terms, changed.created_at) == (blocked, made.created_at)
    assert changed.updated_at > made.updated_at


@pytest.mark.parametrize(
    "statement", ["delete from customers", "drop table customers", "select * from schema_checksums", "create table t()"]
)
def test_the_application_may_not_do_what_it_never_does(database: Endpoint, statement: str) -> None:
    with (
        connect(database, APPLICATION, statement_seconds=2) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())
