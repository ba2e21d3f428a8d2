"""Which versions go."""

import boto3
import pytest
from botocore.stub import Stubber

from release.aws.functions import Aliases
from release.errors import Exit
from release.prune import KEPT, prunable
from tests.release.world import World, push


@pytest.mark.parametrize(
    ("versions", "needed", "keep", "gone"),
    [
        (["1", "2", "3"], [], 3, ()),
        (["1", "2", "3", "4"], [], 3, ("1",)),
        (["10", "9", "1", "2"], [], 2, ("1", "2")),
        (["1", "2", "3", "4", "5"], ["1"], 2, ("2", "3")),
        ([], [], 2, ()),
    ],
)
def test_the_newest_and_the_needed_stay(versions: list[str], needed: list[str], keep: int, gone: tuple[str]) -> None:
    assert prunable(versions, frozenset(needed), keep=keep) == gone


def test_a_freeze_deletes_what_no_release_needs_and_a_rollback_still_finds_its_versions() -> None:
    world = World()
    for number in range(1, KEPT + 4):
        world.ship(push(str(number)))
    before = world.approved[-2]
    for waiting in range(KEPT + 2):  # deployed, and never approved
        world.run("freeze")
        world.deployment(push(f"waiting-{waiting}"))
    world.run("freeze")
    assert len(world.versions("fraud")) <= KEPT + 3
    assert world.run("rollback").exit is Exit.DONE
    assert world.live_release() == before
    assert world.violations == []


def test_a_version_that_lambda_still_needs_stays() -> None:
    client = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b").client("lambda")
    with Stubber(client) as stub:
        stub.add_client_error("delete_function", "ResourceConflictException")
        assert not Aliases(client, "dev").delete("fraud", "3")
        stub.add_response("delete_function", {}, {"FunctionName": "payment-dev-fraud", "Qualifier": "4"})
        assert Aliases(client, "dev").delete("fraud", "4")
