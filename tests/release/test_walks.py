"""Random walks of pushes, failed updates, kills, calls that fail once, alarms, rejections and rollbacks.

Whatever happens: unapproved code never gets live traffic, a deployment moves nothing that is live,
and after the next freeze a release that was approved is live as a whole and recorded.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from random import Random

import pytest
from botocore.exceptions import ClientError

from release.analysis import SILENCE, Judgement, Sample, Verdict
from release.decisions import MoveTraffic, Signals
from release.errors import Exit, Overtaken, Refused, ReleaseError
from release.model import Observation, Release
from release.names import FUNCTIONS, Colour
from release.plans import Plan, plan_for
from release.ports import Environment
from release.rollback import Undone
from release.shift import _Watch
from tests.release.world import API, COMPUTE, Killed, World, push

WALKS = 300
MOVES = 30
KILL_CHANCE = 0.35
FAIL_CHANCE = 0.1
LONG_WALKS = 10_000
LONG_MOVES = 60


@pytest.fixture(autouse=True)
def busy_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are expected, as in prod, and silence is a reason to stop."""
    prod = plan_for("prod")
    plan = replace(prod, steps=plan_for("dev").steps, patience_seconds=30, warm_seconds=0)
    monkeypatch.setattr("release.commands.plan_for", lambda _: plan)


def walk(seed: int, moves: int = MOVES) -> World:
    """One walk. Everything random comes from the seed, which names a failure."""
    random = Random(seed)  # noqa: S311
    world = World(random=random)
    commit = 1
    for _ in range(moves):
        move = random.choice(["push", "push", "push", "again", "rollback", "heal", "verify", "by hand"])
        if random.random() < 0.2:
            lose_previous(world)
        longest = 20 if move == "rollback" else 45
        world.kill_after = random.randint(0, longest) if random.random() < KILL_CHANCE else None
        world.fail_after = random.randint(0, longest) if random.random() < FAIL_CHANCE else None
        hiccups = world.fail_after is not None
        try:
            match move:
                case "push" | "again":
                    commit += move == "push"
                    pipeline(world, random, commit)
                case "by hand":
                    by_hand(world, all_of_it=random.random() < 0.5)
                case _:
                    run(world, move)
        except Killed:
            # What a killed rollback was on its way to is lost as well, now and then.
            if random.random() < 0.8:
                lose_previous(world)
        except (ClientError, Undone):
            if not hiccups:
                raise
        finally:
            world.kill_after = world.fail_after = None
            world.at_second.clear()
        if random.random() < 0.5:
            settle(world)
    settle(world)
    return world


@dataclass(frozen=True)
class Trouble:
    world: World
    kind: str

    @property
    def approver(self) -> str | None:
        return None if self.kind == "nobody approved" else "a person"

    def against(self) -> str | None:
        """Why the shift must not have moved any traffic for good."""
        # An alarm that comes when all is done says nothing about the shift.
        spoke = bool(self.world.alarms_red) if self.kind == "alarm" else self.kind not in {"none", "intruder"}
        return self.kind if spoke else None


FAILING = Sample(requests=1000, faults=50, timed=1000, slow=0)
SPEAK_AGAINST = ["worse", "worse later", "silence", "no latency", "no alarm data", "hold", "preview", "nobody approved"]


@contextmanager
def trouble(world: World, random: Random, *, to: Colour) -> Iterator[Trouble]:
    """Something, or nothing, that speaks against a shift."""
    kind = random.choice(["none"] * 7 + ["alarm", "alarm", "intruder", "intruder", *SPEAK_AGAINST])
    later = int(world.seconds) + random.randint(1, 100)
    match kind:
        case "alarm":
            world.at_second[later] = lambda: world.alarms_red.add("payment-dev-p99")
        case "worse":
            world.served[to] = FAILING
        case "worse later":
            # The trouble of the first step is not the release's; what comes after it is.
            world.served_at = {(to.other, 90): FAILING, (to, 10): FAILING, (to, 50): FAILING, (to, 100): FAILING}
        case "no latency":
            world.served[to] = Sample(requests=1000, faults=0, timed=0, slow=0)
        case "no alarm data":
            world.alarms_silent.add("payment-dev-p99")
        case "silence":
            world.served[to] = SILENCE
        case "hold":
            world.held = "until Monday"
        case "preview":
            world.preview_version = "99"
        case "intruder":
            world.at_second[later] = lambda: intrude(world, random.choice(["rollback", "heal", "freeze"]))

    try:
        yield Trouble(world, kind)
    finally:
        world.alarms_red.clear()
        world.alarms_silent.clear()
        world.served.clear()
        world.served_at.clear()
        world.held = world.preview_version = None


def intrude(world: World, command: str) -> None:
    """Another command, while a shift is at work that does not come to renewing its lease."""
    mine = world.command
    try:
        run(world, command)
    finally:
        world.command = mine


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
    live = world.live_colour()
    with trouble(world, random, to=live.other) as met:
        run(world, "shift", approved_by=met.approver)
        if world.live_colour() is not live and (reason := met.against()):
            world.violations.append(f"traffic moved in spite of: {reason}")


def by_hand(world: World, *, all_of_it: bool) -> None:
    """An operator gives traffic to the idle colour, which holds what was approved before, and tells nobody."""
    recorded = world.stored_state
    if not world.weights or world.unrecorded or world.stored_journal.operation or not recorded:
        return
    live = world.live_colour()
    idle = Release(versions={name: world.aliases[name, live.other] for name in FUNCTIONS}, deployment_id=world.stage)
    if idle not in world.approved or idle.versions == world.live_release().versions:
        return
    for shares in world.weights.values() if all_of_it else [world.weights["validation"]]:
        shares.update({live: 0, live.other: 100} if all_of_it else {live: 30, live.other: 70})
    world.unrecorded = (len(world.entries), "by hand" if all_of_it else "heal")


def lose_previous(world: World) -> None:
    """Somebody deletes the API deployment that a rollback would return to."""
    previous, origin = world.stored_journal.previous, world.stored_journal.origin
    if previous and previous.deployment_id not in {None, world.stage, origin and origin.deployment_id}:
        world.deployments_gone.add(str(previous.deployment_id))


def run(world: World, command: str, **arguments: str | None) -> bool:
    """Whether the command ended well; refusals are allowed, and giving way to another command; surprises are not."""
    try:
        return world.run(command, **arguments).exit is not Exit.FAILED
    except (Refused, Overtaken) as reason:
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
    if idle := {(name, colour) for name, colour in world.warm if colour is not world.live_colour()}:
        world.violations.append(f"provisioned concurrency is paid for on the idle colour: {sorted(idle)}")
    ends = {(event.command, event.decision) for event in world.told}
    untold = {(entry.command, entry.result.value) for entry in world.entries} - ends
    if untold:
        world.violations.append(f"nobody was told of {sorted(untold)}")
    if world.unrecorded:
        entries, command = world.unrecorded
        if command not in {entry.command for entry in world.entries[entries:]}:
            world.violations.append(f"no line in the ledger on what was done {command}")
        world.unrecorded = None
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


def nothing(*_: object, **__: object) -> None:
    """A rule left out."""


def never_worse(*_: object, **__: object) -> Judgement:
    return Judgement(Verdict.GOOD, "never looked")


def no_alarm(environment: Environment, *_: object, **__: object) -> frozenset[str]:
    return environment.alarms.watched()


def always_forward(observed: Observation, _deployed: Release) -> MoveTraffic:
    return MoveTraffic((observed.live_colour or Colour.BLUE).other)


def step_before(watch: _Watch, _weight_percent: int) -> None:
    """Each step is judged against the live colour of the first one."""
    watch._since = watch._environment.clock.time()
    watch._live_before = watch._live_before or (watch._live_seen if watch._live_seen.requests else None)


def blind_to_alarms(_plan: Plan, signals: Signals) -> str | None:
    return signals.judgement.because if signals.judgement.verdict is Verdict.INCONCLUSIVE else None


FAULTS: dict[str, dict[str, object]] = {
    "sync": {"release.freeze._sync": nothing},
    "heal": {"release.commands.heal": nothing},
    "aliases before traffic": {"release.rollback.point_aliases": nothing},
    "stage back": {"release.traffic.move_stage": nothing},
    "stage of a rollback": {"release.rollback.move_stage": nothing},
    "journal": {"release.shift.begin": nothing},
    # Two rules guard against versions that nobody approved, and against two commands at once; the walks notice when
    # both are gone.
    "approved versions": {"release.shift.assess": always_forward, "release.shift.check_idle": nothing},
    "idle colour answers": {"release.shift.check_idle": nothing},
    "lease taken": {"release.lease._acquire": lambda environment, _: environment.clock.time()},
    "lease seen unchanged": {"release.lease.LEASE_SECONDS": 0.0},
    "lease kept": {"release.lease._Keeper.keep": nothing, "release.shift.weights_hold": lambda *_: True},
    "hold": {"release.shift._hold": nothing},
    "alarms": {"release.shift._alarms_before": no_alarm},
    "comparison": {"release.shift.judge": never_worse},
    "comparison within the step": {"release.shift._Watch.begin_step": step_before},
    "missing latency": {"release.analysis._gap": nothing},
    "alarms without data": {"release.decisions._unknown": blind_to_alarms},
    "approver": {"release.plans.Plan.at_speed": lambda plan, _: replace(plan, approval_required=False)},
    "target of a rollback": {"release.rollback._gone": lambda *_: []},
    "undone rollback": {"release.rollback.restore": nothing},
    "divided by hand": {"release.heal.begin": lambda environment, *_: environment.ledger.journal()},
    "moved by hand": {"release.observe._tell_by_hand": nothing},
    "silence": {"release.plans.Plan.at_speed": lambda plan, _: plan.expecting_silence()},
    "told": {"release.observe.tell": nothing},
}


@pytest.mark.parametrize("rule", FAULTS)
def test_the_walks_notice_when_a_rule_is_left_out(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    for place, fault in FAULTS[rule].items():
        monkeypatch.setattr(place, fault)
    assert any(goes_wrong(seed) for seed in range(WALKS))


def goes_wrong(seed: int) -> bool:
    try:
        return bool(walk(seed).violations)
    except (AssertionError, ReleaseError, ValueError):
        return True


def test_every_kill_of_a_shift_is_healed_by_the_next_freeze() -> None:
    for after in range(40):
        world = World()
        world.ship(push("1"))
        world.run("freeze")
        world.deployment(push("2", api="2"))
        world.approve()
        world.kill_after = after
        with suppress(Killed):
            world.run("shift", approved_by="a person")
        world.kill_after = None
        settle(world)
        assert world.violations == [], f"killed after {after} changes"
        assert world.run("shift", approved_by="a person").exit in (Exit.DONE, Exit.NOTHING_TO_DO)


def test_every_kill_of_a_rollback_ends_with_the_previous_release_or_the_one_before_it_began() -> None:
    for after in range(25):
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
