"""One command at a time, and what each leaves in the ledger."""

import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from release.aws.session import CHANGES_TRIED, CONNECT_SECONDS, READ_SECONDS
from release.errors import Exit, Overtaken, ReleaseError
from release.lease import LEASE_SECONDS, RENEW_SECONDS, leased
from release.model import Lease, Provenance, Result
from release.names import Colour
from tests.release.world import Killed, World, push, refused, somebody_else

ALL_BLUE = {Colour.BLUE: 100, Colour.GREEN: 0}


@pytest.fixture
def world() -> World:
    made = World()
    made.ship(push("1"))
    made.run("freeze", commit="c2")
    made.deployment(push("2", api="2"))
    made.approve()
    return made


@pytest.mark.parametrize("command", ["freeze", "shift", "rollback"])
def test_a_command_refuses_while_another_one_is_at_work(world: World, command: str) -> None:
    somebody_else(world)
    before = world.live()
    assert "shift of a build is at work" in refused(world, command)
    assert world.live() == before
    assert world.leases[0][0] == -1


@pytest.mark.parametrize("clock_ahead", [-60.0, 60.0])
def test_a_living_command_keeps_its_lease_however_wrong_the_clocks_are(world: World, clock_ahead: float) -> None:
    somebody_else(world, clock_ahead=clock_ahead)
    assert "shift of a build is at work" in refused(world, "shift")
    assert world.leases[0][0] == -1


@pytest.mark.parametrize("until", [-1e9, 1e9])
def test_a_lease_that_nobody_renews_is_over_after_its_length_however_wrong_the_clocks_are(
    world: World, until: float
) -> None:
    began = world.seconds
    world.leases = [(-1, Lease(holder="a build", command="shift", until=until))]
    assert world.run("heal").exit is Exit.NOTHING_TO_DO
    assert LEASE_SECONDS <= world.seconds - began <= LEASE_SECONDS + 2


def test_no_call_that_changes_something_outlives_the_lease() -> None:
    longest_backoff = 1
    longest = CHANGES_TRIED * (CONNECT_SECONDS + READ_SECONDS) + (CHANGES_TRIED - 1) * longest_backoff
    assert longest <= LEASE_SECONDS - RENEW_SECONDS


def test_a_lease_that_was_slow_to_be_renewed_is_renewed_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    renewals: list[float] = []

    def renew(*, until: float) -> bool:
        renewals.append(world.seconds)
        world.seconds += 9 if len(renewals) == 1 else 0
        return World.renew(world, until=until)

    with leased(world.environment(), "shift") as environment:
        monkeypatch.setattr(world, "renew", renew)
        world.seconds += 6
        environment.keep()
    assert len(renewals) == 2


def test_new_credentials_are_asked_for_before_the_lease_is_looked_at(world: World) -> None:
    def slow() -> None:
        world.seconds += 7

    with leased(replace(world.environment(), refresh=slow), "shift") as environment:
        environment.keep()
        assert world.leased_at == world.seconds


def test_a_lease_that_is_always_slow_to_be_renewed_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renew(*, until: float) -> bool:
        world.seconds += 6
        return World.renew(world, until=until)

    monkeypatch.setattr(world, "renew", renew)
    with leased(world.environment(), "shift") as environment:
        world.seconds += 6
        with pytest.raises(ReleaseError, match="so long"):
            environment.keep()


def test_heal_leaves_it_to_whoever_is_at_work(world: World) -> None:
    world.weights["validation"] = {Colour.BLUE: 90, Colour.GREEN: 10}
    somebody_else(world)
    outcome = world.run("heal")
    assert outcome.exit is Exit.NOTHING_TO_DO
    assert "shift of a build is at work" in outcome.message
    assert world.weights["validation"][Colour.GREEN] == 10


def test_a_migration_takes_the_lease_and_keeps_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = threading.Event()

    def renew(*, until: float) -> bool:
        renewed.set()
        return True

    monkeypatch.setattr("release.lease.RENEW_SECONDS", 0.001)
    monkeypatch.setattr(world, "renew", renew)
    monkeypatch.setattr("release.migration.migrate", lambda *_: ["0001"] if renewed.wait(5) else [])
    assert world.run("migrate").details["applied"] == ["0001"]
    assert world.leases == []
    somebody_else(world)
    assert "shift of a build is at work" in refused(world, "migrate")


def test_looking_needs_no_lease(world: World) -> None:
    somebody_else(world)
    assert world.run("status").exit is Exit.DONE
    assert world.run("verify").exit is Exit.DONE
    assert "lease       shift of a build, until 1970-01-01T" in world.run("status").message


def test_a_lease_is_shown_whatever_the_clock_says_that_its_time_is_from(world: World) -> None:
    somebody_else(world, clock_ahead=-60)
    assert "lease       shift of a build" in world.run("status").message


def test_a_killed_command_keeps_the_next_one_waiting_for_one_lease_only(world: World) -> None:
    world.kill_after = 8
    with suppress(Killed):
        world.run("shift")
    world.kill_after = None
    killed_at = world.seconds
    assert world.run("heal").exit is Exit.DONE
    assert world.seconds - killed_at <= LEASE_SECONDS + 1
    assert world.leases == []


def test_a_shift_that_lost_its_lease_touches_nothing_more(world: World) -> None:
    touched: list[int] = []

    def taken() -> None:
        somebody_else(world)
        touched.append(len(world.actions))

    world.at_second[int(world.seconds) + 7] = taken
    with pytest.raises(Overtaken):
        world.run("shift")
    assert len(world.actions) == touched[0]
    assert world.leases[0][0] == -1


def test_nothing_is_changed_outside_a_lease(world: World) -> None:
    with pytest.raises(ReleaseError, match="lease"):
        world.environment().keep()


def test_the_ledger_tells_who_released_what_when_and_how_it_ended(world: World) -> None:
    world.run("shift", commit="c2", approved_by="someone")
    entry = world.history(1)[0]
    assert (entry.command, entry.result, entry.commit, entry.approved_by) == ("shift", Result.DONE, "c2", "someone")
    assert [each.weight_percent for each in entry.weights] == [10, 50, 100]
    assert entry.started_at <= entry.weights[0].at <= entry.ended_at
    assert entry.after == world.stored_state != entry.before
    assert "shift done (10 → 50 → 100 %)" in world.run("status").message


def test_every_decision_is_told_as_it_happens(world: World) -> None:
    world.told.clear()
    world.run("shift", commit="c2", approved_by="someone")
    assert [(event.command, event.decision) for event in world.told] == [
        ("shift", "begun"),
        ("shift", "weight set"),
        ("shift", "weight set"),
        ("shift", "weight set"),
        ("shift", "done"),
    ]
    assert {(event.commit, event.approved_by, event.environment) for event in world.told} == {("c2", "someone", "dev")}
    world.told.clear()
    world.held = "until Monday"
    world.run("freeze", commit="c3")
    world.deployment(push("3"))
    refused(world, "shift", commit="c3")
    world.run("rollback")
    told = [(event.command, event.decision) for event in world.told]
    assert told == [
        ("freeze", "frozen"),
        ("shift", "refused"),
        ("rollback", "begun"),
        ("rollback", "weight set"),
        ("rollback", "done"),
    ]
    assert "until Monday" in world.told[1].words


def test_an_environment_s_first_deployment_has_its_line(world: World) -> None:
    first = world.history(1)[0]
    assert (first.result, first.reason) == (Result.DONE, "the environment's first deployment")


def test_a_rolled_back_shift_leaves_the_commit_that_is_live(world: World) -> None:
    world.run("shift", commit="c2", approved_by="someone")
    world.run("freeze")
    world.deployment(push("3"))
    world.at_second[int(world.seconds) + 8] = lambda: world.alarms_red.add("payment-dev-p99")
    assert world.run("shift", commit="c3").exit is Exit.ROLLED_BACK
    assert (world.history(1)[0].commit, world.history(1)[0].result) == ("c3", Result.ROLLED_BACK)
    assert world.stored_journal.live == Provenance(commit="c2", approved_by="someone")


def test_a_killed_shift_has_one_line_whoever_healed_it(world: World) -> None:
    world.kill_after = 8
    with suppress(Killed):
        world.run("shift", commit="c2")
    world.kill_after = None
    before = len(world.entries)
    world.run("heal")
    world.run("heal")
    assert [entry.result for entry in world.entries[before:]] == [Result.HEALED]
    assert world.entries[-1].commit == "c2"


def test_a_rollback_says_which_commit_is_live_again(world: World) -> None:
    world.run("shift", commit="c2")
    world.run("freeze")
    world.deployment(push("3"))
    world.approve()
    world.run("shift", commit="c3")
    world.run("rollback")
    assert (world.history(1)[0].command, world.history(1)[0].commit) == ("rollback", "c2")
    assert world.stored_journal.live.commit == "c2"
