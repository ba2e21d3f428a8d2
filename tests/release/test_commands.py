"""The commands against an environment in memory."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from release.errors import Exit, NotApplied, ReleaseError
from release.layout import ReleaseState
from release.model import Event, Provenance, Result, StackView
from release.names import ROUTED, Colour
from release.outputs import REQUIRED, flat_outputs, write
from release.preview import PROBES
from tests.release.world import API, COMPUTE, Killed, World, push, refused

BLUE, GREEN = Colour.BLUE, Colour.GREEN
ALL_BLUE, ALL_GREEN = {BLUE: 100, GREEN: 0}, {BLUE: 0, GREEN: 100}


@pytest.fixture
def world() -> World:
    """An environment with its first release, on blue."""
    made = World()
    assert made.ship(push("1")).exit is Exit.NOTHING_TO_DO
    return made


def deployed(world: World) -> World:
    """… and a second one, deployed and approved, on green."""
    world.run("freeze", commit="c2")
    assert world.deployment(push("2", api="2"))
    world.approve()
    return world


def shares(world: World) -> list[dict[Colour, int]]:
    return list(world.weights.values())


def test_the_first_freeze_finds_nothing_and_says_so() -> None:
    world = World()
    assert world.run("freeze").exit is Exit.DONE
    assert world.stored_state == ReleaseState()


def test_a_first_deployment_puts_both_colours_on_it_and_blue_is_live(world: World) -> None:
    assert shares(world) == [ALL_BLUE, ALL_BLUE]
    assert {version for (name, _), version in world.aliases.items() if name == "fraud"} == {"3"}
    assert world.run("verify").exit is Exit.DONE


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_a_stack_that_was_never_created_counts_as_nothing(status: str) -> None:
    world = World(statuses={COMPUTE: status})
    world.run("freeze")
    assert world.stored_state == ReleaseState()
    assert not [action for action in world.actions if action.startswith("sync")]


def test_a_first_deployment_that_failed_half_way_is_begun_anew() -> None:
    world = World()
    world.run("freeze")
    assert not world.deployment(push("1"), fails_in=API)
    assert world.ship(push("2")).exit is Exit.NOTHING_TO_DO
    assert world.violations == []


def test_freeze_forgets_an_environment_that_was_destroyed(world: World) -> None:
    gone = World(stored_state=world.stored_state, stored_journal=world.stored_journal)
    gone.run("freeze")
    assert gone.stored_state == ReleaseState()
    assert gone.stored_journal.previous is None


def test_freeze_does_not_forget_an_environment_whose_rules_it_cannot_see(world: World) -> None:
    world.weights = {}
    before = world.stored_state
    assert "listener rules" in refused(world, "freeze")
    assert world.stored_state == before


def test_a_sound_environment_is_not_healed_whatever_its_stacks_do(world: World) -> None:
    world.statuses[API] = "UPDATE_IN_PROGRESS"
    assert world.run("heal").exit is Exit.NOTHING_TO_DO


@pytest.mark.parametrize("command", ["freeze", "shift", "rollback", "heal"])
def test_commands_refuse_during_a_stack_update(world: World, command: str) -> None:
    world.statuses[API] = "UPDATE_IN_PROGRESS"
    if command == "heal":
        world.weights["validation"] = {BLUE: 90, GREEN: 10}
    assert "UPDATE_IN_PROGRESS" in refused(world, command)


def test_a_deployment_leaves_live_traffic_alone(world: World) -> None:
    before = world.live()
    deployed(world)
    assert world.live() == before
    assert world.aliases["validation", GREEN] == "4"


def test_a_shift_takes_all_rules_through_the_steps_and_then_moves_the_stage(world: World) -> None:
    deployed(world)
    world.actions.clear()
    assert world.run("shift", commit="c2", approved_by="someone").exit is Exit.DONE
    moves = [action for action in world.actions if action.startswith(("weights", "stage"))]
    assert moves == [
        "weights validation 90",
        "weights processing 90",
        "weights validation 50",
        "weights processing 50",
        "weights validation 0",
        "weights processing 0",
        "stage deployment-2",
    ]
    assert world.seconds >= 90
    assert world.stored_state is not None
    assert world.stored_state.live_colour is GREEN
    assert world.stored_journal.live == Provenance(commit="c2", approved_by="someone")
    assert world.run("verify").exit is Exit.DONE


@pytest.mark.parametrize("wrong", [{"preview_answers": False}, {"preview_version": "99"}], ids=["silent", "another"])
def test_no_traffic_moves_to_an_idle_colour_that_does_not_answer_as_the_release(
    world: World, wrong: dict[str, Any]
) -> None:
    deployed(world)
    for name, value in wrong.items():
        setattr(world, name, value)
    world.actions.clear()
    assert "of the idle colour" in refused(world, "shift")
    assert shares(world) == [ALL_BLUE, ALL_BLUE]
    assert not [action for action in world.actions if action.startswith("weights")]


def test_a_shift_asks_every_routed_function_of_the_idle_colour_first(world: World) -> None:
    deployed(world).run("shift")
    assert world.asked == len(ROUTED) == len(PROBES)
    assert {probe.function for probe in PROBES} == set(ROUTED)


def test_a_second_shift_finds_nothing_to_do(world: World) -> None:
    deployed(world).run("shift")
    assert world.run("shift").exit is Exit.NOTHING_TO_DO
    assert world.stored_journal.previous is not None


def test_a_change_of_the_api_alone_moves_only_the_stage(world: World) -> None:
    outcome = world.ship(push("1", api="2"))
    assert outcome.exit is Exit.DONE
    assert shares(world) == [ALL_BLUE, ALL_BLUE]
    assert world.stage == "deployment-2"
    assert world.run("verify").exit is Exit.DONE


def test_a_change_of_one_function_shifts_all_of_them(world: World) -> None:
    world.ship(push("1", fraud="2"))
    assert shares(world) == [ALL_GREEN, ALL_GREEN]
    assert world.aliases["validation", GREEN] == world.aliases["validation", BLUE]
    assert world.aliases["fraud", GREEN] != world.aliases["fraud", BLUE]


def test_pushing_the_same_commit_again_moves_nothing(world: World) -> None:
    world.ship(push("2"))
    before = dict(world.aliases)
    assert world.ship(push("2")).exit is Exit.NOTHING_TO_DO
    assert world.aliases == before


def test_an_alarm_during_a_bake_returns_all_traffic(world: World) -> None:
    deployed(world)
    world.at_second[15] = lambda: world.alarms_red.add("payment-dev-p99")
    outcome = world.run("shift")
    assert outcome.exit is Exit.ROLLED_BACK
    assert "payment-dev-p99" in outcome.message
    assert shares(world) == [ALL_BLUE, ALL_BLUE]
    assert world.stage == "deployment-1"
    assert world.run("verify").exit is Exit.DONE


def test_where_the_plan_says_so_an_alarm_that_was_red_before_says_nothing_about_the_release(world: World) -> None:
    deployed(world)
    world.alarms_red.add("payment-dev-p99")
    assert world.run("shift").exit is Exit.DONE


def test_an_alarm_that_says_nothing_about_a_release_does_not_return_it(world: World) -> None:
    world.alarm_names |= {"payment-dev-api-latency-p99", "payment-dev-database-cpu"}
    deployed(world)
    world.at_second[15] = lambda: world.alarms_red.update({"payment-dev-api-latency-p99", "payment-dev-database-cpu"})
    assert world.run("shift").exit is Exit.DONE


def test_alarms_of_other_environments_are_not_watched(world: World) -> None:
    deployed(world)
    world.at_second[15] = lambda: world.alarms_red.add("payment-dev-two-p99")
    assert world.run("shift").exit is Exit.DONE


def test_traffic_is_not_moved_without_an_alarm_to_watch(world: World) -> None:
    deployed(world).alarm_names = frozenset()
    assert "blindly" in refused(world, "shift")
    assert shares(world) == [ALL_BLUE, ALL_BLUE]


def test_a_shift_refuses_what_was_not_deployed_last(world: World) -> None:
    deployed(world)
    world.aliases["fraud", GREEN] = "99"
    assert "does not hold" in refused(world, "shift")


def test_a_shift_refuses_another_commit_than_the_frozen_one(world: World) -> None:
    deployed(world)
    assert "c2" in refused(world, "shift", commit="c1")


def test_a_router_that_ignores_weights_is_found_out(world: World) -> None:
    deployed(world).lying_router = True
    with pytest.raises(NotApplied):
        world.run("shift")
    assert world.run("verify").exit is Exit.DONE


def test_a_shift_yields_to_whoever_else_moves_the_traffic(world: World) -> None:
    deployed(world)

    def by_hand() -> None:
        for weights in world.weights.values():
            weights.update(ALL_BLUE)

    world.at_second[15] = by_hand
    with pytest.raises(ReleaseError, match="another command"):
        world.run("shift")
    assert shares(world) == [ALL_BLUE, ALL_BLUE]


def test_something_that_breaks_during_a_shift_returns_all_traffic(world: World) -> None:
    deployed(world)

    def broken() -> None:
        raise ReleaseError("CloudWatch does not answer")

    world.at_second[15] = broken
    with pytest.raises(ReleaseError, match="does not answer"):
        world.run("shift")
    assert shares(world) == [ALL_BLUE, ALL_BLUE]
    assert world.run("verify").exit is Exit.DONE


def test_rollback_returns_versions_weights_and_stage_at_once(world: World) -> None:
    before = world.live_release()
    deployed(world).run("shift")
    second = world.seconds
    assert world.run("rollback").exit is Exit.DONE
    assert world.live_release() == before
    assert world.seconds == second
    assert world.run("verify").exit is Exit.DONE


def without_its_previous_release(world: World, what: str) -> None:
    if what == "deployment":
        world.deployments_gone.add("deployment-1")
    else:
        world.published.pop("fraud-1")


@pytest.mark.parametrize(("what", "words"), [("deployment", "API deployment deployment-1"), ("version", "of fraud")])
def test_a_rollback_to_what_does_not_exist_any_more_is_refused_before_anything_moves(
    world: World, what: str, words: str
) -> None:
    deployed(world).run("shift")
    without_its_previous_release(world, what)
    before = world.live()
    world.actions.clear()
    assert words in refused(world, "rollback")
    assert world.live() == before
    assert not [action for action in world.actions if action.startswith(("weights", "point", "stage"))]
    assert world.run("heal").exit is Exit.NOTHING_TO_DO


def test_a_rollback_that_fails_half_way_leaves_what_was_live_and_blocks_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(world).run("shift")
    before = world.live()
    without_its_previous_release(world, "deployment")
    monkeypatch.setattr(world, "has", lambda _: True)
    with pytest.raises(ReleaseError, match="as before"):
        world.run("rollback")
    assert world.live() == before
    assert (world.history(1)[0].command, world.history(1)[0].result) == ("rollback", Result.FAILED)
    assert world.run("heal").exit is Exit.NOTHING_TO_DO
    assert world.run("verify").exit is Exit.DONE


def test_a_killed_rollback_whose_target_is_gone_is_undone_by_whoever_heals(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: str, **__: object) -> None:
        raise Killed

    deployed(world).run("shift")
    before = world.live()
    with monkeypatch.context() as until_killed:
        until_killed.setattr(world, "deploy", killed)
        with pytest.raises(Killed):
            world.run("rollback")
    assert world.live() != before
    without_its_previous_release(world, "deployment")
    healed = world.run("heal")
    assert healed.exit is Exit.FAILED
    assert "as before" in healed.message
    assert "undone, all traffic is on green" in world.told[-1].words
    assert world.live() == before
    assert world.history(1)[0].result is Result.FAILED
    assert world.run("verify").exit is Exit.DONE


def throttled(*_: object, **__: object) -> None:
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "X")


def throttled_at(world: World, decision: str) -> Callable[[Event], None]:
    def tell(event: Event) -> None:
        if (event.command, event.decision) == ("rollback", decision):
            throttled()
        World.tell(world, event)

    return tell


@pytest.mark.parametrize("decision", ["weight set", "done"])
def test_a_rollback_that_is_live_stays_live_whatever_is_not_told(
    world: World, monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    before = world.live_release()
    deployed(world).run("shift")
    for command, untold in (("rollback", decision), ("heal", "done")):
        with monkeypatch.context() as hiccup:
            hiccup.setattr(world, "tell", throttled_at(world, untold))
            with pytest.raises(ClientError):
                world.run(command)
        assert world.live_release() == before
    assert world.run("heal").exit is Exit.DONE
    assert world.live_release() == before
    assert [each.weight_percent for each in world.history(1)[0].weights] == [100]
    assert world.run("verify").exit is Exit.DONE


def test_a_rollback_whose_last_change_was_done_without_an_answer_is_not_undone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(deployment_id: str, **kept: Callable[[], None]) -> None:
        World.deploy(world, deployment_id, keep=kept["keep"])
        throttled()

    before = world.live_release()
    deployed(world).run("shift")
    monkeypatch.setattr(world, "deploy", lost)
    assert world.run("rollback").exit is Exit.DONE
    assert world.live_release() == before


def test_a_rollback_that_healing_undoes_leaves_what_is_live_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(world).run("shift")
    with monkeypatch.context() as hiccup:
        hiccup.setattr(world, "tell", throttled_at(world, "done"))
        with pytest.raises(ClientError):
            world.run("rollback")
    assert world.stored_state
    assert world.stored_state.live_colour is BLUE
    world.weights["validation"], world.stage = dict(ALL_GREEN), "deployment-2"
    with monkeypatch.context() as hiccup:
        hiccup.setattr("release.rollback.move_stage", throttled)
        assert world.run("heal").exit is Exit.FAILED
    assert shares(world) == [ALL_GREEN, ALL_GREEN]
    assert world.run("verify").exit is Exit.DONE


def test_a_rollback_goes_on_cold_when_warming_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = world.live_release()
    deployed(world).run("shift")
    world.run("cool")
    monkeypatch.setattr(world, "provision", throttled)
    assert world.run("rollback").exit is Exit.DONE
    assert world.live_release() == before
    assert "going on without provisioned concurrency" in "\n".join(world.lines)


def test_a_rollback_goes_on_where_it_may_not_see_whether_the_deployment_exists(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(world).run("shift")
    monkeypatch.setattr(world, "has", lambda _: None)
    assert world.run("rollback").exit is Exit.DONE
    assert "may not be read" in "\n".join(world.lines)


def test_a_second_rollback_does_not_swing_forward_again(world: World) -> None:
    deployed(world).run("shift")
    world.run("rollback")
    assert world.run("rollback").exit is Exit.NOTHING_TO_DO
    assert shares(world) == [ALL_BLUE, ALL_BLUE]


def test_rollback_does_not_give_traffic_to_what_waits_for_approval_on_the_idle_colour(world: World) -> None:
    before = world.live_release()
    world.ship(push("2"))
    for commit in ("3", "4"):
        world.run("freeze")
        world.deployment(push(commit))
    assert world.run("rollback").exit is Exit.DONE
    assert world.live_release() == before
    assert world.violations == []


def test_rollback_of_a_change_of_the_api_alone_moves_only_the_stage(world: World) -> None:
    world.ship(push("1", api="2"))
    assert world.run("rollback").exit is Exit.DONE
    assert (shares(world), world.stage) == ([ALL_BLUE, ALL_BLUE], "deployment-1")


def test_rollback_without_history_has_nothing_to_return_to(world: World) -> None:
    assert world.run("rollback").exit is Exit.NOTHING_TO_DO


def test_a_failed_deployment_after_a_shift_leaves_live_traffic_alone(world: World) -> None:
    world.ship(push("2"))
    world.run("freeze")
    before = world.live()
    world.deployment(push("3"), fails_in=API)
    assert world.live() == before


def test_a_release_can_be_rolled_back_and_shipped_again(world: World) -> None:
    world.ship(push("2"))
    world.run("rollback")
    assert world.ship(push("2")).exit is Exit.DONE
    assert shares(world) == [ALL_GREEN, ALL_GREEN]


def test_heal_has_nothing_to_do_in_a_sound_environment(world: World) -> None:
    assert world.run("heal").exit is Exit.NOTHING_TO_DO


def test_divided_traffic_without_a_journal_goes_back_to_the_recorded_colour(world: World) -> None:
    world.weights["validation"] = {BLUE: 30, GREEN: 70}
    assert world.run("verify").exit is Exit.FAILED
    assert world.run("heal").exit is Exit.DONE
    assert world.run("verify").exit is Exit.DONE


def lines_since(world: World, entries: int, events: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    return (
        [(entry.command, entry.result.value) for entry in world.entries[entries:]],
        [(event.command, event.decision) for event in world.told[events:]],
    )


@pytest.mark.parametrize("command", ["heal", "freeze"])
def test_traffic_that_was_divided_by_hand_is_told_and_recorded_when_it_is_put_right(world: World, command: str) -> None:
    world.weights["validation"] = {BLUE: 30, GREEN: 70}
    entries, events = len(world.entries), len(world.told)
    world.run(command)
    lines, told = lines_since(world, entries, events)
    assert lines == [("heal", "healed")]
    assert told[:2] == [("heal", "begun"), ("heal", "healed")]
    assert world.run("verify").exit is Exit.DONE


def test_a_heal_that_is_killed_is_told_and_recorded_by_the_next_one(world: World) -> None:
    for after in range(8):
        world.weights["validation"] = {BLUE: 30, GREEN: 70}
        entries, events = len(world.entries), len(world.told)
        world.kill_after = after
        with suppress(Killed):
            world.run("heal")
        world.kill_after = None
        world.run("heal")
        lines, told = lines_since(world, entries, events)
        assert lines == [("heal", "healed")]
        assert ("heal", "healed") in told
        assert world.run("verify").exit is Exit.DONE


def test_freeze_tells_and_records_that_a_release_was_moved_by_hand(world: World) -> None:
    world.ship(push("2"))
    world.weights = {name: dict(ALL_BLUE) for name in world.weights}
    entries, events = len(world.entries), len(world.told)
    world.run("freeze")
    lines, told = lines_since(world, entries, events)
    assert lines == [("by hand", "done")]
    assert told == [("by hand", "done"), ("freeze", "frozen")]
    line = world.history(1)[0]
    assert line.before is not None
    assert line.after is not None
    assert (line.before.live_colour, line.after.live_colour) == (GREEN, BLUE)
    world.run("freeze")
    assert len(world.entries) == entries + 1


def test_a_shift_tells_and_records_that_what_it_replaces_was_moved_by_hand(world: World) -> None:
    world.ship(push("2"))
    world.weights = {name: dict(ALL_BLUE) for name in world.weights}
    entries = len(world.entries)
    assert world.run("shift").exit is Exit.DONE
    assert [(entry.command, entry.result.value) for entry in world.entries[entries:]] == [
        ("by hand", "done"),
        ("shift", "done"),
    ]


def test_freeze_believes_an_operator_who_moved_all_traffic_by_hand(world: World) -> None:
    world.ship(push("2"))
    world.weights = {name: dict(ALL_BLUE) for name in world.weights}
    world.run("freeze")
    assert world.stored_state is not None
    assert world.stored_state.live_colour is BLUE


def test_verify_names_what_differs(world: World) -> None:
    world.ship(push("2"))
    world.aliases["fraud", GREEN] = "1"
    world.stage = "deployment-9"
    outcome = world.run("verify")
    assert outcome.exit is Exit.FAILED
    assert "fraud: alias green holds 1, 6 is recorded" in outcome.message
    assert "stage live serves deployment-9" in outcome.message


def test_status_shows_colours_weights_and_commit(world: World) -> None:
    deployed(world).run("shift", commit="c2", approved_by="someone")
    outcome = world.run("status")
    for words in ("live colour green", "validation  blue 0 %  green 100 %", "commit c2, approved by someone"):
        assert words in outcome.message
    assert json.loads(json.dumps(outcome.details))["live_colour"] == "green"


def view(name: str, **outputs: str) -> StackView:
    return StackView(name=name, status="CREATE_COMPLETE", outputs=outputs, reads_release_state=False)


def test_outputs_are_one_flat_file_without_the_automatic_ones(tmp_path: Path) -> None:
    promised = dict.fromkeys(set(REQUIRED) - {"EnvironmentSuffix"}, "x")
    flat = flat_outputs("dev", [view("a", **promised), view("b", ExportsOutputRefVpc="y", More="z")])
    path = write(flat, tmp_path / "cfn-outputs")
    assert json.loads(path.read_text()) == {**promised, "EnvironmentSuffix": "dev", "More": "z"}


def test_missing_and_contradicting_outputs_fail() -> None:
    with pytest.raises(ReleaseError, match="VpcId"):
        flat_outputs("dev", [])
    with pytest.raises(ReleaseError, match="two values"):
        flat_outputs("dev", [view("a", VpcId="1"), view("b", VpcId="2")])
