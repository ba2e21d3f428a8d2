from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.engine.launcher import CHECKOUT, Engine
from tests.engine.embedded import EmbeddedAws

_accounts = itertools.count(700000000001)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedAws]:
    """One engine for all tests; they keep apart by account."""
    state: Path = tmp_path_factory.mktemp("engine")
    with Engine(state_dir=state, node_path=CHECKOUT / "node_modules") as running:
        yield EmbeddedAws(endpoint=running.endpoint)


@pytest.fixture
def account() -> str:
    """An account that nothing else uses."""
    return str(next(_accounts))


@pytest.fixture
def other_account(account: str) -> Callable[[], str]:
    return lambda: str(int(account) + 100_000)
