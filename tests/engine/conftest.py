from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.engine.cloudwatch import clock
from local.engine.launcher import CHECKOUT, Engine
from tests.engine.embedded import EmbeddedAws

# A minute of CloudWatch's takes 0.6 seconds.
CLOCK_FACTOR = 0.01
_accounts = itertools.count(700000000001)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """One engine for all tests; they keep apart by account."""
    state: Path = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(clock.VARIABLE, str(CLOCK_FACTOR))
        running = Engine(state_dir=state, node_path=CHECKOUT / "node_modules")
        running.start()
    try:
        yield EmbeddedAws(endpoint=running.endpoint)
    finally:
        running.stop()


@pytest.fixture
def account() -> str:
    """An account that nothing else uses."""
    return str(next(_accounts))


@pytest.fixture
def other_account(account: str) -> Callable[[], str]:
    return lambda: str(int(account) + 100_000)
