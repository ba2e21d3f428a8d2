"""Provisioned concurrency follows the traffic, and stays where it came from for a while."""

import boto3
import pytest
from botocore.stub import Stubber

from release.aws.functions import Aliases
from release.errors import Exit
from release.names import ROUTED, Colour
from release.plans import plan_for
from tests.release.world import World, push, refused, somebody_else

BLUE, GREEN = Colour.BLUE, Colour.GREEN
ON_BLUE, ON_GREEN = {(name, BLUE) for name in ROUTED}, {(name, GREEN) for name in ROUTED}


@pytest.fixture
def world() -> World:
    made = World()
    made.ship(push("1"))
    return made


@pytest.fixture
def warm_window(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("release.commands.plan_for", lambda _: plan_for("prod"))
    return plan_for("prod").warm_seconds


def test_the_live_colour_has_it_from_the_first_release_on(world: World) -> None:
    assert world.warm == ON_BLUE


def test_the_idle_colour_is_warm_before_any_traffic_moves(world: World) -> None:
    world.run("freeze")
    world.deployment(push("2"))
    world.approve()
    world.actions.clear()
    world.run("shift")
    first = next(place for place, action in enumerate(world.actions) if action.startswith("weights"))
    assert {f"provision {name} green" for name in ROUTED} <= set(world.actions[:first])
    assert world.warm == ON_BLUE | ON_GREEN


def test_a_colour_that_does_not_get_warm_gets_no_traffic(world: World) -> None:
    world.run("freeze")
    world.deployment(push("2"))
    world.approve()
    world.started = "IN_PROGRESS"
    assert "not ready" in refused(world, "shift")
    assert world.weights["validation"] == {BLUE: 100, GREEN: 0}


def test_within_the_warm_window_a_rollback_finds_the_old_colour_warm(world: World, warm_window: int) -> None:
    world.ship(push("2"))
    before = world.seconds
    world.actions.clear()
    assert world.run("rollback").exit is Exit.DONE
    assert world.seconds == before
    assert not [action for action in world.actions if action.startswith(("provision", "point"))]


def test_cooling_waits_for_the_end_of_the_window_and_lets_a_rollback_go_first(world: World, warm_window: int) -> None:
    world.ship(push("2"))
    began = world.seconds
    world.at_second[int(began) + 1] = lambda: None
    assert world.run("cool").exit is Exit.DONE
    assert world.seconds - began >= warm_window - 1
    assert world.warm == ON_GREEN
    assert world.run("cool").exit is Exit.NOTHING_TO_DO


def test_cooling_leaves_a_command_at_work_alone(world: World) -> None:
    world.ship(push("2"))
    somebody_else(world)
    assert world.run("cool").exit is Exit.NOTHING_TO_DO
    assert world.warm == ON_BLUE | ON_GREEN


def test_after_the_window_a_rollback_warms_first_but_does_not_wait_for_ever(world: World) -> None:
    world.ship(push("2"))
    world.run("cool")
    world.started = "IN_PROGRESS"
    began = world.seconds
    assert world.run("rollback").exit is Exit.DONE
    assert world.weights["validation"] == {BLUE: 100, GREEN: 0}
    assert world.seconds - began < 60


def test_where_both_colours_hold_one_version_it_moves_with_the_traffic(world: World) -> None:
    world.ship(push("1", fraud="2"))
    assert world.warm == ON_GREEN
    assert world.violations == []


def test_a_freeze_takes_it_off_the_colour_that_is_deployed_to(world: World) -> None:
    world.ship(push("2"))
    world.run("freeze")
    assert world.warm == ON_GREEN


def test_none_is_told_from_some() -> None:
    client = boto3.Session(region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b").client("lambda")
    with Stubber(client) as stub:
        stub.add_client_error("get_provisioned_concurrency_config", "ProvisionedConcurrencyConfigNotFoundException")
        assert Aliases(client, "dev").provisioned("fraud", BLUE) is None
        stub.add_response("get_provisioned_concurrency_config", {"Status": "IN_PROGRESS"})
        assert Aliases(client, "dev").provisioned("fraud", BLUE) == "IN_PROGRESS"
