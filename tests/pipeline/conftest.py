import pytest

from tests.pipeline.synthesis import Assembly, synthesize


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The App that the pipeline synthesizes: the pipeline, its environments, the access stacks."""
    return synthesize(tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="session")
def pull_request(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """The App of one pull request."""
    return synthesize(tmp_path_factory.mktemp("pull-request"), suffix="pr-12")
