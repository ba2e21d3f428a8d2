"""Random walks of pushes, failed updates, kills, alarms, rejections and rollbacks.

Whatever happens: unapproved code never gets live traffic, a deployment moves nothing that is live,
and after the next freeze a release that was approved is live as a whole and recorded.
"""

from collections.abc import Callable
from contextlib import suppress
from random import Random

import pytest

from release.decisions import MoveTraffic
from release.errors import Exit, Refused, ReleaseError
from release.model import Observation, Release
from release.names import FUNCTIONS, Colour
from tests.release.world import API, COMPUTE, Killed, World, push

WALKS = 300
MOVES = 30
KILL_CHANCE = 0.35
LONG_WALKS = 10_000
LONG_MOVES = 60


def walk(seed: int, moves: int = MOVES) -> World:
    """One walk. Everything random comes from the seed, which names a failure."""
    random = Random(seed)  # noqa: S311
    world = World(random=random)
    commit = 1
    for _ in range(moves):
        move = random.choice(["push", "push", "push", "again", "rollback", "heal", "verify"])
        world.kill_after = random.randint(0, 45) if random.random() < KILL_CHANCE else None
        try:
            match move:
                case "push" | "again":
                    commit += move == "push"
                    pipeline(world, random, commit)
                case _:
                    run(world, move)
        except Killed:
            pass
        finally:
            world.kill_after = None
            world.at_second.clear()
        if random.random() < 0.5:
            settle(world)
    settle(world)
    return world


def pipeline(world: World, random: Random, commit: int) -> None:
    if not run(world, "freeze"):
        return
    changed = {name: str(commit) for name in FUNCTIONS if random.random() < 0.6}
    template = push("0", api=str(commit if random.random() < 0.3 else 0), **changed)
    fails_in = random.choice([None, None, None, COMPUTE, API])
    if not world.deployment(template, fails_in=fails_in):
        return
    if random.random() < 0.2:
        return  # rejected, or superseded while it waited
    world.approve()
    if random.random() < 0.3:
        world.at_second[int(world.seconds) + random.randint(1, 100)] = lambda: world.alarms_red.add("payment-dev-p99")
    run(world, "shift")
    world.alarms_red.clear()


def run(world: World, command: str) -> bool:
    """Whether the command ended well; refusals are allowed, surprises are not."""
    try:
        return world.run(command).exit is not Exit.FAILED
    except Refused as reason:
        world.lines.append(f"refused: {reason}")
        return False


def settle(world: World) -> None:
    """The next freeze, undisturbed: everything must be sound after it."""
    for _ in range(3):
        with suppress(Refused):  # a sync that was killed is still running
            world.run("freeze")
            break
    else:
        world.violations.append("freeze refuses for good")
    if not world.weights:
        return
    verdict = world.run("verify")
    if verdict.exit is not Exit.DONE:
        world.violations.append(f"after a freeze: {verdict.message}")
    elif world.live_release() not in world.approved:
        world.violations.append(f"live as a whole was never approved: {world.live_release()}")


@pytest.mark.parametrize("batch", range(10))
def test_no_walk_gives_unapproved_code_live_traffic_or_leaves_what_cannot_be_healed(batch: int) -> None:
    for seed in range(batch * WALKS // 10, (batch + 1) * WALKS // 10):
        assert walk(seed).violations == [], f"seed {seed}"


@pytest.mark.acceptance
@pytest.mark.parametrize("batch", range(20))
def test_no_long_walk_does_either(batch: int) -> None:
    for seed in range(batch * LONG_WALKS // 20, (batch + 1) * LONG_WALKS // 20):
        assert walk(seed, LONG_MOVES).violations == [], f"seed {seed}"


def nothing(*_: object) -> None:
    """A rule left out."""


def always_forward(observed: Observation, _deployed: Release) -> MoveTraffic:
    return MoveTraffic((observed.live_colour or Colour.BLUE).other)


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        ("release.freeze._sync", nothing),
        ("release.commands.heal", nothing),
        ("release.rollback.point_aliases", nothing),
        ("release.traffic.move_stage", nothing),
        ("release.rollback.move_stage", nothing),
        ("release.shift.begin", nothing),
        ("release.shift.assess", always_forward),
    ],
)
def test_the_walks_notice_when_a_rule_is_left_out(
    monkeypatch: pytest.MonkeyPatch, place: str, fault: Callable[..., object]
) -> None:
    monkeypatch.setattr(place, fault)
    assert any(goes_wrong(seed) for seed in range(120))


def goes_wrong(seed: int) -> bool:
    try:
        return bool(walk(seed).violations)
    except (AssertionError, ReleaseError, ValueError):
        return True


def test_every_kill_of_a_shift_is_healed_by_the_next_freeze() -> None:
    for after in range(25):
        world = World()
        world.ship(push("1"))
        world.run("freeze")
        world.deployment(push("2", api="2"))
        world.approve()
        world.kill_after = after
        with suppress(Killed):
            world.run("shift")
        world.kill_after = None
        settle(world)
        assert world.violations == [], f"killed after {after} changes"
        assert world.run("shift").exit in (Exit.DONE, Exit.NOTHING_TO_DO)


def test_every_kill_of_a_rollback_ends_with_the_previous_release_or_the_one_before_it_began() -> None:
    for after in range(15):
        world = World()
        world.ship(push("1"))
        first = world.live_release()
        world.ship(push("2", api="2"))
        second = world.live_release()
        world.kill_after = after
        with suppress(Killed):
            world.run("rollback")
        world.kill_after = None
        settle(world)
        assert world.live_release() in (first, second)
        assert world.run("rollback").exit in (Exit.DONE, Exit.NOTHING_TO_DO)
        assert world.live_release() == first
        assert world.violations == [], f"killed after {after} changes"


def test_a_walk_is_a_function_of_its_seed() -> None:
    assert walk(7).actions == walk(7).actions
