from dataclasses import replace

import pytest

from pipeline.settings import SETTINGS, InvalidSettings, Source
from stages.environments import PULL_REQUEST_ACCOUNT

CONNECTION = "arn:aws:codeconnections:us-east-1:111111111111:connection/00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("owner", "connection"),
    [("acme/payments", CONNECTION), ("acme", CONNECTION.replace("connection/", "host/")), ("acme", "")],
)
def test_a_source_that_cannot_work_is_refused(owner: str, connection: str) -> None:
    with pytest.raises(InvalidSettings):
        Source(owner=owner, repository="payments", branch="main", connection_arn=connection)


def test_the_connection_is_in_the_pipelines_account_and_region() -> None:
    assert SETTINGS.source.connection_arn.split(":")[3:5] == [SETTINGS.region, SETTINGS.account]


def test_the_builds_of_branches_have_a_connection_of_their_own_account() -> None:
    assert SETTINGS.branches_connection_arn.split(":")[3:5] == [SETTINGS.region, PULL_REQUEST_ACCOUNT]
    with pytest.raises(InvalidSettings, match="branches_connection_arn"):
        replace(SETTINGS, branches_connection_arn="")
