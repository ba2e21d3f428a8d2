"""Rotations under the application's feet: two users take turns, and the one in use never stops working."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from local.database import Databases
from payment_core.postgres import Endpoint, Login, connect
from schema_migration.migrator import migrate
from secret_rotation import handler as rotation_handler
from secret_rotation.errors import RotationRefused
from secret_rotation.rotation import Step, other_user
from tests.functions.cloud import ADMIN_SECRET_ARN, SECRET_ARN, FakeCloud
from tests.functions.conftest import ADMINISTRATOR, APPLICATION, endpoint_of, new_server

STEPS = list(Step)


@pytest.fixture(scope="module")
def rotated_database(databases: Databases) -> Iterator[Endpoint]:
    """Passwords change here, so nobody shares it."""
    server = new_server(databases)
    yield endpoint_of(server)
    server.stop()


@pytest.fixture
def secrets(cloud: FakeCloud, rotated_database: Endpoint) -> FakeCloud:
    cloud.ssm.values["database-port"] = str(rotated_database.port)
    migrate(rotated_database, administrator=ADMINISTRATOR, application=APPLICATION)
    return cloud


def _step(step: Step, token: str, secret: str = SECRET_ARN) -> None:
    rotation_handler.handler({"Step": step, "SecretId": secret, "ClientRequestToken": token}, None)


def _rotate(cloud: FakeCloud, *, times_each: int = 1) -> None:
    token = uuid.uuid4().hex
    cloud.secretsmanager.begin_rotation(SECRET_ARN, token)
    for step in STEPS:
        for _ in range(times_each):
            _step(step, token)


def _current(cloud: FakeCloud) -> Login:
    return Login(**cloud.secretsmanager.current(SECRET_ARN))


def _works(endpoint: Endpoint, login: Login) -> bool:
    try:
        with connect(endpoint, login, statement_seconds=2) as connection:
            connection.execute("select from customers limit 1")
    except psycopg.OperationalError:
        return False
    return True


def test_users_take_turns() -> None:
    assert [other_user("payment_app"), other_user("payment_app_clone")] == ["payment_app_clone", "payment_app"]


@pytest.mark.parametrize("times_each", [1, 2])
def test_a_login_outlives_one_rotation_and_not_two(
    secrets: FakeCloud, rotated_database: Endpoint, times_each: int
) -> None:
    logins = [_current(secrets)]
    for _ in range(4):
        _rotate(secrets, times_each=times_each)
        logins.append(_current(secrets))
        assert _works(rotated_database, logins[-1])
        assert _works(rotated_database, logins[-2])
        assert not any(_works(rotated_database, login) for login in logins[:-2])
    assert [login.username for login in logins] == [
        "payment_app",
        "payment_app_clone",
        "payment_app",
        "payment_app_clone",
        "payment_app",
    ]


def test_a_repeated_first_step_keeps_the_password_that_it_made(secrets: FakeCloud) -> None:
    secrets.secretsmanager.begin_rotation(SECRET_ARN, "t-1")
    _step(Step.CREATE, "t-1")
    made = secrets.secretsmanager.secrets[SECRET_ARN].values["t-1"]
    _step(Step.CREATE, "t-1")
    assert secrets.secretsmanager.secrets[SECRET_ARN].values["t-1"] == made


@pytest.mark.parametrize("interrupted_after", range(1, len(STEPS)))
def test_a_rotation_that_was_interrupted_is_run_again_from_the_start(
    secrets: FakeCloud, rotated_database: Endpoint, interrupted_after: int
) -> None:
    before = _current(secrets)
    secrets.secretsmanager.begin_rotation(SECRET_ARN, "t-1")
    for step in STEPS[:interrupted_after]:
        _step(step, "t-1")
    assert _current(secrets) == before
    assert _works(rotated_database, before)
    for step in STEPS:
        _step(step, "t-1")
    assert _current(secrets).username == other_user(before.username)
    assert _works(rotated_database, _current(secrets))


@pytest.mark.parametrize("step", STEPS)
def test_a_finished_version_is_left_alone(secrets: FakeCloud, step: Step) -> None:
    _rotate(secrets)
    secret = secrets.secretsmanager.secrets[SECRET_ARN]
    values, stages = dict(secret.values), dict(secret.stages)
    _step(step, stages["AWSCURRENT"])
    assert (secret.values, secret.stages) == (values, stages)


@pytest.mark.parametrize("other", [ADMIN_SECRET_ARN, SECRET_ARN + "-x", SECRET_ARN + "lication-AbCdEf", ""])
def test_a_secret_that_is_not_its_own_is_refused(secrets: FakeCloud, other: str) -> None:
    reads = secrets.secretsmanager.reads
    with pytest.raises(RotationRefused, match="another secret"):
        _step(Step.CREATE, "t-1", secret=other)
    assert secrets.secretsmanager.reads == reads


def test_its_own_secret_may_be_named_with_the_random_part(secrets: FakeCloud) -> None:
    full = f"{SECRET_ARN}-AbCdEf"
    secrets.secretsmanager.begin_rotation(SECRET_ARN, "t-1")
    _step(Step.CREATE, "t-1", secret=full)
    assert "t-1" in secrets.secretsmanager.secrets[SECRET_ARN].values


def test_a_version_that_nobody_staged_is_refused(secrets: FakeCloud) -> None:
    with pytest.raises(RotationRefused, match="not staged"):
        _step(Step.SET, "t-unknown")


def test_a_login_that_does_not_work_is_never_made_current(secrets: FakeCloud, rotated_database: Endpoint) -> None:
    before = _current(secrets)
    secrets.secretsmanager.begin_rotation(SECRET_ARN, "t-1")
    _step(Step.CREATE, "t-1")
    with pytest.raises(RotationRefused, match="step failed"):
        _step(Step.TEST, "t-1")
    assert _current(secrets) == before


def test_the_pending_version_may_not_change_the_user_in_use(secrets: FakeCloud, rotated_database: Endpoint) -> None:
    before = _current(secrets)
    secrets.secretsmanager.begin_rotation(SECRET_ARN, "t-1")
    secrets.secretsmanager.secrets[SECRET_ARN].values["t-1"] = (
        f'{{"username": "{before.username}", "password": "overwritten"}}'
    )
    with pytest.raises(RotationRefused, match="in use"):
        _step(Step.SET, "t-1")
    assert _works(rotated_database, before)


def test_no_password_is_printed(secrets: FakeCloud, capfd: pytest.CaptureFixture[str]) -> None:
    _rotate(secrets)
    printed = "".join(capfd.readouterr())
    assert printed.count("rotation_step_done") == len(STEPS)
    passwords = [
        value.split('"password": "')[1][:-2] for value in secrets.secretsmanager.secrets[SECRET_ARN].values.values()
    ]
    assert not any(password in printed for password in [*passwords, ADMINISTRATOR.password])
