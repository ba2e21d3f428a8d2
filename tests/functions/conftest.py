"""The functions with everything around them in memory, but for PostgreSQL, which is real."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from hypothesis import settings

from local.database import Databases, Server
from local.database import Login as ServerLogin
from payment_core.postgres import Endpoint, Login
from schema_migration.migrator import migrate
from tests.functions.cloud import ADMIN_SECRET_ARN, SECRET_ARN, FakeCloud
from tests.functions.system import System
from tests.functions.workers import forget_workers

# A busy machine is slow now and then; that is no finding.
settings.register_profile("functions", deadline=None)
settings.load_profile("functions")

ADMINISTRATOR = Login(username="payment_admin", password="admin's password")
APPLICATION = Login(username="payment_app", password="the application's first password")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What Lambda sets, and a worker that has served nobody yet."""
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "test")
    monkeypatch.setenv("PARAMETER_PREFIX", "/payment/test/config")
    monkeypatch.setenv("PROCESSOR", "sandbox")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "test")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("SECRET_ARN", SECRET_ARN)
    monkeypatch.setenv("ADMIN_SECRET_ARN", ADMIN_SECRET_ARN)
    forget_workers()
    yield
    forget_workers()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    """AWS in memory behind boto3."""
    fake = FakeCloud()
    fake.secretsmanager.store(SECRET_ARN, APPLICATION.username, APPLICATION.password)
    fake.secretsmanager.store(ADMIN_SECRET_ARN, ADMINISTRATOR.username, ADMINISTRATOR.password)
    monkeypatch.setattr(boto3.session.Session, "client", lambda _, service, **options: fake.client(service, **options))
    return fake


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Makes PostgreSQL servers, and ends them."""
    # Where tests run as root the server does not, and TMPDIR may lie below a folder that keeps others out.
    folder = Path(tempfile.mkdtemp(prefix="payment-functions-", dir="/tmp" if os.getuid() == 0 else None))
    folder.chmod(0o755)
    made = Databases(folder / "servers")
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)


def endpoint_of(server: Server) -> Endpoint:
    return Endpoint(host="127.0.0.1", port=server.port, name="payments", ssl_mode="prefer")


def new_server(databases: Databases) -> Server:
    """An empty database, owned by an administrator who is no superuser."""
    master = ServerLogin(username=ADMINISTRATOR.username, password=ADMINISTRATOR.password)
    return databases.create(version="16", master=master, database="payments")


@pytest.fixture(scope="session")
def database(databases: Databases) -> Endpoint:
    """A migrated database that tests share; each uses merchants and customers of its own."""
    endpoint = endpoint_of(new_server(databases))
    migrate(endpoint, administrator=ADMINISTRATOR, application=APPLICATION)
    return endpoint


@pytest.fixture
def system(cloud: FakeCloud, database: Endpoint) -> System:
    """An environment with one customer, `cus_1`."""
    made = System(cloud, database)
    assert made.put_customer().status == 200
    return made
