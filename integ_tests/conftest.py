"""Fixtures: the environment, AWS clients of its account, and the API of the colour that nobody is served by."""

import time
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from integ_tests import summary
from integ_tests.cards import WARM_UP, Card, approved_cards
from integ_tests.client import PaymentClient, json_body, payment_body
from integ_tests.environment import Deployed, NoEnvironment, outputs_path, read_outputs, tester_session
from integ_tests.rules import WeightedRule, live_colour, weighted_rules
from release.names import Colour

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import RuleTypeDef

STARTED = pytest.StashKey[float]()
DEPLOYED = pytest.StashKey[Deployed]()
AWS = pytest.StashKey[boto3.Session]()
IDLE_COLOUR = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def deployed(pytestconfig: pytest.Config) -> Deployed:
    return pytestconfig.stash[DEPLOYED]


@pytest.fixture(scope="session")
def session(pytestconfig: pytest.Config) -> boto3.Session:
    return pytestconfig.stash[AWS]


@pytest.fixture(scope="session")
def listener_rules(session: boto3.Session, deployed: Deployed) -> list["RuleTypeDef"]:
    pages = session.client("elbv2").get_paginator("describe_rules").paginate(ListenerArn=deployed["ListenerArn"])
    return [rule for page in pages for rule in page["Rules"]]


@pytest.fixture(scope="session")
def weights(listener_rules: list["RuleTypeDef"], deployed: Deployed) -> list[WeightedRule]:
    return weighted_rules(listener_rules, deployed.suffix)


@pytest.fixture(scope="session")
def idle_colour(weights: list[WeightedRule], pytestconfig: pytest.Config) -> Colour:
    """The colour that has no live traffic: what was deployed last, and is not approved yet."""
    idle = live_colour(weights).other
    pytestconfig.stash[IDLE_COLOUR] = idle.value
    return idle


@pytest.fixture(scope="session")
def idle_url(deployed: Deployed, idle_colour: Colour) -> str:
    return deployed[f"Preview{idle_colour.value.capitalize()}Url"]


@pytest.fixture(scope="session")
def merchant(idle_url: str, session: boto3.Session) -> PaymentClient:
    """A merchant on the idle colour, after its functions and its database have woken up."""
    credentials = session.get_credentials()
    assert credentials is not None, "there are no AWS credentials"
    client = PaymentClient(idle_url, region=session.region_name, credentials=credentials)
    woken = client.wake(
        "PUT",
        "/customers/cus_warm_up",
        json_body(
            {
                "status": "active",
                "currency": "USD",
                "per_payment_limit_minor": 100_000,
                "daily_limit_minor": 100_000,
            }
        ),
    )
    assert woken.status == 200, f"the idle colour does not serve customers: {woken}"
    paid = client.wake(
        "POST", "/payments", payment_body(WARM_UP, customer_id="cus_warm_up"), key=f"warm-up-{uuid.uuid4()}"
    )
    assert paid.status == 201, f"the idle colour does not serve payments: {paid}"
    return client


@pytest.fixture(scope="session")
def stranger(idle_url: str, session: boto3.Session) -> PaymentClient:
    """Somebody without credentials."""
    return PaymentClient(idle_url, region=session.region_name, credentials=None)


@pytest.fixture
def customer_id(merchant: PaymentClient) -> str:
    """A customer of the test's own, who may pay."""
    made = f"cus_{uuid.uuid4().hex}"
    assert merchant.put_customer(made).status == 200
    return made


@pytest.fixture(scope="session")
def _cards() -> Iterator[Card]:
    return approved_cards()


@pytest.fixture
def card(_cards: Iterator[Card]) -> Card:
    """A card that no other test pays with."""
    return next(_cards)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[STARTED] = time.monotonic()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Without an environment that may be read nothing can be tested: say so once and fail."""
    if session.config.option.collectonly:
        return
    try:
        session.config.stash[DEPLOYED] = read_outputs(outputs_path())
        session.config.stash[AWS] = tester_session()
    except (NoEnvironment, ClientError, BotoCoreError) as error:
        pytest.exit(f"integration tests: {error}", returncode=pytest.ExitCode.USAGE_ERROR)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the summary next to the outputs that were tested."""
    if DEPLOYED not in config.stash:
        return
    path = outputs_path()
    stats = {outcome: terminalreporter.getreports(outcome) for outcome in ("passed", "failed", "error", "skipped")}
    line = summary.summary_line(
        {outcome: len(reports) for outcome, reports in stats.items()},
        suffix=config.stash[DEPLOYED].suffix,
        colour=config.stash.get(IDLE_COLOUR, None),
        seconds=time.monotonic() - config.stash[STARTED],
        failed=[report.nodeid.split("::")[-1] for outcome in ("failed", "error") for report in stats[outcome]],
    )
    terminalreporter.write_line(f"{line}\n  in {summary.write(line, path.parent)}")
