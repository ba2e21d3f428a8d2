"""One embedded AWS for all tests here, after both pushes of the demo; another for those that take their time."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local import demo
from local.assembly import read_assembly
from local.cloud import Cloud, running_cloud
from local.merchant import Merchant
from local.process import refuse_second_run
from local.progress import Progress
from local.single_environment import Environment, running_environment
from local.workspace import Workspace
from tests.e2e.trial import Trial

CHECKOUT = Path(__file__).resolve().parents[2]
SEED = "PAYMENTS_SEED"
FIGURES = pytest.StashKey[list[tuple[str, Trial]]]()
SAID = pytest.StashKey[list[tuple[str, list[str]]]]()


@dataclass(frozen=True, kw_only=True)
class Released:
    """A cloud in which the demo has released two commits, and what the demo saw."""

    cloud: Cloud
    record: demo.Record

    def merchant(self, suffix: str) -> Merchant:
        account = self.cloud.assembly.target(suffix).account
        return Merchant(endpoint=self.cloud.endpoint, account=account, api_url=self.cloud.outputs(suffix)["ApiUrl"])

    def environment(self, suffix: str) -> Environment:
        cloud = self.cloud
        cloud.outputs(suffix)
        return Environment(
            endpoint=cloud.endpoint,
            target=cloud.assembly.target(suffix),
            engine_pid=int(json.loads(cloud.workspace.running.read_text())["engine"]["pid"]),
            state_dir=cloud.workspace.engine_state,
            checkout=CHECKOUT,
            home=cloud.workspace.cli_home,
            outputs_file=cloud.outputs_file(suffix),
            tooling_account=cloud.assembly.tooling_account,
        )

    def written_items(self, suffix: str) -> int:
        """How many items the three tables of an environment hold."""
        account = self.cloud.assembly.target(suffix).account
        client = self.cloud.endpoint.session(account).client("dynamodb")
        tables = (f"payment-{suffix}-{name}" for name in ("transactions", "idempotency", "velocity"))
        return sum(
            page["Count"]
            for table in tables
            for page in client.get_paginator("scan").paginate(TableName=table, Select="COUNT", ConsistentRead=True)
        )


@pytest.fixture(scope="session")
def released() -> Iterator[Released]:
    refuse_second_run(Workspace(checkout=CHECKOUT))
    progress = Progress()
    with running_cloud(CHECKOUT, progress) as cloud:
        record = demo.run(cloud, progress)
        demo.summarize(cloud, record, progress)
        yield Released(cloud=cloud, record=record)


@pytest.fixture(scope="session")
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An environment for the long runs, which may leave it in any state that a later payment copes with."""
    assembly = read_assembly(CHECKOUT / "cdk.out")
    folder = tmp_path_factory.mktemp("own")
    with running_environment(assembly, suffix="staging", checkout=CHECKOUT, folder=folder) as running:
        yield running


@pytest.fixture(
    params=[pytest.param(False, id="small"), pytest.param(True, id="full", marks=pytest.mark.acceptance)],
)
def trial(request: pytest.FixtureRequest) -> Trial:
    """The same test twice: small, in the demo's staging environment, and full, in an environment of its own."""
    environment = (
        request.getfixturevalue("own_environment")
        if request.param
        else request.getfixturevalue("released").environment("staging")
    )
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(2**32))
    chance = random.Random(f"{seed} {request.node.name}")  # noqa: S311 - drawn again from the same seed
    made = Trial(environment=environment, full=request.param, seed=seed, random=chance)
    request.config.stash[FIGURES].append((request.node.nodeid, made))
    return made


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Something that was measured; shown when all tests are over."""
    said: list[str] = []
    request.config.stash[SAID].append((request.node.nodeid, said))
    return said.append


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = []
    config.stash[SAID] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What was measured, and the seed that draws the same again."""
    for name, trial in config.stash[FIGURES]:
        terminalreporter.write_line(f"{name}: {SEED}={trial.seed}")
        for figure in trial.figures:
            terminalreporter.write_line(f"  {figure}")
    for name, said in config.stash[SAID]:
        for figure in said:
            terminalreporter.write_line(f"{name}: {figure}")
