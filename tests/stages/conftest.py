import pytest

from tests.stages.templates import Synthesis, synthesize_all


@pytest.fixture(scope="session")
def synthesis() -> Synthesis:
    return synthesize_all()
