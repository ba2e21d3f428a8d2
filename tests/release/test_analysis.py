"""What is good, bad or unknown of a release, and what a shift makes of it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from release.analysis import SILENCE, Missing, Sample, Verdict, judge
from release.errors import Exit, Refused, ReleaseError
from release.model import Result
from release.names import Colour
from release.plans import Plan, Step, plan_for
from tests.release.world import Killed, World, push, refused

CRITERIA = plan_for("prod").criteria
LIVE = Sample(requests=900, faults=0, timed=900, slow=0)
BUSY = Plan(
    steps=tuple(Step(weight_percent=weight, bake_seconds=30) for weight in (10, 50, 100)),
    poll_seconds=5,
    criteria=CRITERIA,
    patience_seconds=60,
    approval_required=False,
    begins_while_red=False,
    silent_alarms=Missing.INCONCLUSIVE,
)
WHO = {"approved_by": "someone", "because": "the shop is down"}


def requests(count: int, *, faults: int = 0, slow: int = 0, timed: int | None = None) -> Sample:
    return Sample(requests=count, faults=faults, timed=count if timed is None else timed, slow=slow)


@pytest.mark.parametrize(
    ("new", "live", "expected"),
    [
        (requests(100), LIVE, Verdict.GOOD),
        (requests(100, faults=1), LIVE, Verdict.GOOD),
        (requests(1000, faults=9), LIVE, Verdict.GOOD),
        (requests(100, faults=5), LIVE, Verdict.BAD),
        (requests(5, faults=4), LIVE, Verdict.BAD),
        (requests(5, faults=3), LIVE, Verdict.INCONCLUSIVE),
        (requests(100, faults=10), requests(900, faults=45), Verdict.GOOD),
        (requests(100, faults=12), requests(900, faults=45), Verdict.BAD),
        (requests(100, faults=5), requests(900, faults=45), Verdict.GOOD),
        (requests(100, slow=9), LIVE, Verdict.GOOD),
        (requests(100, slow=10), LIVE, Verdict.BAD),
        (requests(1000, slow=10), LIVE, Verdict.GOOD),
        (requests(1000, slow=11), LIVE, Verdict.BAD),
        (requests(500, slow=20), requests(900, slow=18), Verdict.GOOD),
        (requests(500, slow=30), requests(900, slow=18), Verdict.BAD),
        (requests(20, slow=10), LIVE, Verdict.BAD),
        (requests(99, slow=9), LIVE, Verdict.INCONCLUSIVE),
        (requests(99), LIVE, Verdict.INCONCLUSIVE),
        (SILENCE, LIVE, Verdict.INCONCLUSIVE),
        (requests(500, slow=500), SILENCE, Verdict.INCONCLUSIVE),
        (requests(500), requests(99), Verdict.INCONCLUSIVE),
        (requests(500, timed=0), LIVE, Verdict.INCONCLUSIVE),
        (requests(500), requests(900, timed=0), Verdict.INCONCLUSIVE),
        (requests(500, timed=0), requests(900, timed=0), Verdict.INCONCLUSIVE),
        (requests(500, faults=25, timed=0), LIVE, Verdict.BAD),
    ],
)
def test_a_release_is_judged_against_the_live_one_over_the_same_minutes(
    new: Sample, live: Sample, expected: Verdict
) -> None:
    assert judge(BUSY.criteria, new=new, live=live).verdict is expected


def scored(asked: int, *, unscored: int) -> Sample:
    return replace(requests(1000), asked_to_score=asked, unscored=unscored)


@pytest.mark.parametrize(
    ("new", "live", "expected"),
    [
        (scored(100, unscored=100), scored(900, unscored=0), Verdict.BAD),
        (scored(100, unscored=11), scored(900, unscored=0), Verdict.BAD),
        (scored(100, unscored=10), scored(900, unscored=0), Verdict.GOOD),
        (scored(9, unscored=9), scored(900, unscored=0), Verdict.GOOD),
        (scored(100, unscored=100), scored(900, unscored=900), Verdict.GOOD),
        (scored(100, unscored=40), scored(900, unscored=300), Verdict.GOOD),
        (scored(100, unscored=100), scored(0, unscored=0), Verdict.GOOD),
    ],
)
def test_a_release_whose_fraud_detection_is_slower_than_the_live_one_s_is_bad(
    new: Sample, live: Sample, expected: Verdict
) -> None:
    """Small payments go on without a score: neither faults nor latency would show it."""
    assert judge(BUSY.criteria, new=new, live=live).verdict is expected


@pytest.mark.parametrize(
    ("new", "live", "expected"),
    [
        (SILENCE, SILENCE, Verdict.GOOD),
        (requests(3), SILENCE, Verdict.GOOD),
        (requests(3, timed=0), requests(2, timed=0), Verdict.GOOD),
        (requests(500), SILENCE, Verdict.GOOD),
        (requests(500, timed=0), SILENCE, Verdict.INCONCLUSIVE),
        (requests(4, faults=4), SILENCE, Verdict.BAD),
    ],
)
def test_where_silence_is_expected_few_requests_are_no_reason_to_stop(
    new: Sample, live: Sample, expected: Verdict
) -> None:
    assert judge(plan_for("dev").criteria, new=new, live=live).verdict is expected


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A second release waits on green, in an environment where merchants pay."""
    monkeypatch.setattr("release.commands.plan_for", lambda _: BUSY)
    made = World()
    made.ship(push("1"))
    made.run("freeze")
    made.deployment(push("2"))
    made.approve()
    return made


def live_colour(world: World) -> object:
    return world.environment().store.state().live_colour  # type: ignore[union-attr]


@pytest.mark.parametrize("bad", [requests(500, faults=25), requests(500, slow=25), scored(50, unscored=50)])
def test_a_release_that_fails_or_is_slow_or_scores_nothing_goes_back_at_the_next_look(
    world: World, bad: Sample
) -> None:
    began = world.seconds
    world.served[Colour.BLUE] = scored(500, unscored=5)
    world.at_second[int(began) + 6] = lambda: world.served.update({Colour.GREEN: bad})
    assert world.run("shift").exit is Exit.ROLLED_BACK
    assert world.seconds - began <= 6 + 2 * BUSY.poll_seconds
    assert world.run("verify").exit is Exit.DONE
    assert world.history(1)[0].result is Result.ROLLED_BACK


def test_silence_pauses_after_some_patience_and_never_passes(world: World) -> None:
    world.served[Colour.GREEN] = SILENCE
    began = world.seconds
    outcome = world.run("shift")
    assert outcome.exit is Exit.PAUSED
    assert "0 requests to the new release say nothing" in outcome.message
    assert world.seconds - began >= 90
    assert world.live_release() == world.approved[0]
    assert world.history(1)[0].result is Result.PAUSED
    assert world.run("heal").exit is Exit.NOTHING_TO_DO


def test_requests_without_a_latency_pause_and_never_pass(world: World) -> None:
    world.served[Colour.GREEN] = requests(500, timed=0)
    outcome = world.run("shift")
    assert outcome.exit is Exit.PAUSED
    assert "no latency of any" in outcome.message
    assert world.live_release() == world.approved[0]


def test_an_alarm_that_has_no_data_pauses_unless_the_plan_expects_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.alarms_silent.add("payment-dev-p99")
    outcome = world.run("shift")
    assert outcome.exit is Exit.PAUSED
    assert "in INSUFFICIENT_DATA: payment-dev-p99" in outcome.message
    monkeypatch.setattr("release.commands.plan_for", lambda _: replace(BUSY, silent_alarms=Missing.EXPECTED))
    assert world.run("shift").exit is Exit.DONE


def test_an_alarm_that_was_just_made_is_waited_for(world: World) -> None:
    world.alarms_silent.add("payment-dev-p99")
    world.at_second[int(world.seconds) + 50] = world.alarms_silent.clear
    assert world.run("shift").exit is Exit.DONE


def test_a_person_can_resume_in_spite_of_the_silence_and_says_why(world: World) -> None:
    world.served[Colour.GREEN] = SILENCE
    assert world.run("shift").exit is Exit.PAUSED
    assert world.run("shift", despite_silence=True, **WHO).exit is Exit.DONE
    assert world.history(1)[0].exception == "silence: the shop is down"
    assert world.history(1)[0].approved_by == "someone"


def test_silence_excuses_no_fault(world: World) -> None:
    world.served[Colour.GREEN] = requests(4, faults=4)
    assert world.run("shift", despite_silence=True, **WHO).exit is Exit.ROLLED_BACK


FAILING = requests(900, faults=90)


def test_a_step_is_not_judged_against_the_trouble_of_the_step_before(world: World) -> None:
    world.served_at = {
        (Colour.BLUE, 90): FAILING,
        (Colour.GREEN, 10): requests(100, faults=10),
        (Colour.GREEN, 50): requests(500, faults=90),
    }
    assert world.run("shift").exit is Exit.ROLLED_BACK
    assert [each.weight_percent for each in world.history(1)[0].weights] == [10, 50]


def test_trouble_that_both_colours_have_in_a_later_step_does_not_return_the_traffic(world: World) -> None:
    alike = requests(500, faults=50)
    world.served_at = {(Colour.BLUE, 50): alike, (Colour.GREEN, 50): alike}
    assert world.run("shift").exit is Exit.DONE


def test_with_all_traffic_on_the_new_release_the_live_one_is_what_it_was_before(world: World) -> None:
    world.served_at = {
        (Colour.BLUE, 90): requests(900, slow=100),
        (Colour.BLUE, 0): SILENCE,
        (Colour.GREEN, 100): requests(900, slow=100),
    }
    assert world.run("shift").exit is Exit.ROLLED_BACK
    assert [each.weight_percent for each in world.history(1)[0].weights] == [10, 50, 100]


def test_where_the_plan_asks_for_approval_a_shift_that_nobody_approved_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("release.commands.plan_for", lambda _: replace(BUSY, approval_required=True))
    for nobody in (None, ""):
        assert "--approved-by" in refused(world, "shift", approved_by=nobody)
    assert world.live_release() == world.approved[0]
    assert world.run("shift", approved_by="someone").exit is Exit.DONE
    assert world.run("shift").exit is Exit.NOTHING_TO_DO


def test_a_hold_stops_shifts_and_says_why(world: World) -> None:
    world.held = "change freeze until Monday"
    assert "change freeze until Monday" in refused(world, "shift")
    assert "change freeze until Monday" in refused(world, "shift", hotfix=True, **WHO)
    assert world.live_release() == world.approved[0]
    assert world.run("rollback").exit is Exit.NOTHING_TO_DO
    assert world.run("shift", hotfix=True, override_hold=True, **WHO).exit is Exit.DONE
    assert world.history(1)[0].exception == (
        "hotfix, overrides the hold (change freeze until Monday): the shop is down"
    )


def test_a_hotfix_ignores_alarms_that_were_red_before_but_not_new_ones(world: World) -> None:
    world.alarms_red.add("payment-dev-errors")
    assert "payment-dev-errors" in refused(world, "shift")
    world.at_second[int(world.seconds) + 8] = lambda: world.alarms_red.add("payment-dev-p99")
    assert world.run("shift", hotfix=True, **WHO).exit is Exit.ROLLED_BACK
    world.alarms_red.discard("payment-dev-p99")
    assert world.run("shift", hotfix=True, **WHO).exit is Exit.DONE
    assert [entry.exception for entry in world.history(2)] == [EXCUSED, EXCUSED]


def test_an_alarm_that_a_hotfix_is_excused_from_may_fall_silent(world: World) -> None:
    def falls_silent() -> None:
        world.alarms_red.clear()
        world.alarms_silent.add("payment-dev-errors")

    world.alarms_red.add("payment-dev-errors")
    world.at_second[int(world.seconds) + 8] = falls_silent
    assert world.run("shift", hotfix=True, **WHO).exit is Exit.DONE


EXCUSED = "hotfix, not watched: payment-dev-errors: the shop is down"


def turns_red(world: World) -> None:
    world.at_second[int(world.seconds) + 8] = lambda: world.alarms_red.add("payment-dev-p99")


def falls_silent(world: World) -> None:
    world.served[Colour.GREEN] = SILENCE


def breaks(world: World) -> None:
    def broken() -> None:
        raise ReleaseError("CloudWatch does not answer")

    world.at_second[int(world.seconds) + 8] = broken


def is_killed(world: World) -> None:
    def killed() -> None:
        raise Killed

    world.at_second[int(world.seconds) + 8] = killed


def is_killed_before_its_last_line(world: World) -> None:
    world.add = is_killed_now  # type: ignore[assignment, method-assign]


def is_killed_now(_: object) -> None:
    raise Killed


@pytest.mark.parametrize(
    ("happens", "decision"),
    [
        (turns_red, "rolled back"),
        (falls_silent, "paused"),
        (breaks, "failed"),
        (is_killed, "healed"),
        (is_killed_before_its_last_line, "done"),
    ],
)
def test_however_a_hotfix_ends_its_line_and_events_say_what_it_was_excused_from(
    world: World, happens: Callable[[World], None], decision: str
) -> None:
    world.alarms_red.add("payment-dev-errors")
    world.told.clear()
    with suppress(Killed, ReleaseError):
        happens(world)
        world.run("shift", hotfix=True, **WHO)
    vars(world).pop("add", None)
    world.at_second.clear()
    world.run("heal")
    entry = world.history(1)[0]
    assert (entry.result.value, entry.exception, entry.approved_by) == (decision, EXCUSED, "someone")
    assert {event.exception for event in world.told} == {EXCUSED}
    assert {"begun", "weight set", decision} <= {event.decision for event in world.told}
    assert world.stored_journal.exception is None


def test_a_shift_waits_a_little_for_alarms_to_be_quiet(world: World) -> None:
    world.alarms_red.add("payment-dev-errors")
    world.at_second[int(world.seconds) + 20] = world.alarms_red.clear
    assert world.run("shift").exit is Exit.DONE


@pytest.mark.parametrize("options", [{"hotfix": True}, {"despite_silence": True}, {**WHO, "override_hold": True}])
def test_an_exception_needs_a_name_and_a_reason(world: World, options: dict[str, str | bool]) -> None:
    with pytest.raises(Refused):
        world.run("shift", **options)


def test_in_faster_time_fewer_requests_are_asked_for() -> None:
    plan = BUSY
    assert plan.at_speed(0.02).criteria.minimum_requests == 2
    assert plan.at_speed(0.001).criteria.minimum_requests == 1
    assert plan.at_speed(2).criteria.minimum_requests == 100
    assert plan.expecting_silence().at_speed(0.02).criteria.few_requests is Missing.EXPECTED
