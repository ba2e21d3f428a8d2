"""Which acquirer and which token provider serve an environment is its data's decision, and there is no fallback."""

from collections.abc import Callable

import pytest

from fraud_detection.countries import BIN_TABLES, issuing_country
from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_validation.composition import TOKEN_PROVIDERS, submission
from stages.configuration import PROCESSORS
from tests.functions.cloud import FakeCloud
from transaction_processing.composition import ACQUIRERS, payment_change, sweeper


def test_functions_and_environments_know_the_same_processors() -> None:
    assert set(TOKEN_PROVIDERS) == set(ACQUIRERS) == set(BIN_TABLES) == PROCESSORS


@pytest.mark.parametrize("compose", [submission, payment_change, sweeper, lambda: issuing_country("424242")])
@pytest.mark.parametrize("name", ["", "another"])
def test_an_unknown_processor_is_nobody(
    cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch, compose: Callable[[], object], name: str
) -> None:
    compose()
    monkeypatch.setenv("PROCESSOR", name)
    with pytest.raises(DependencyUnavailable) as refused:
        compose()
    assert refused.value.code is ErrorCode.CONFIGURATION_UNAVAILABLE
