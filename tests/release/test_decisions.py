"""The decision tables."""

import pytest

from release.analysis import Judgement, Missing, Verdict
from release.decisions import (
    Action,
    Complete,
    FinishRollback,
    FinishShift,
    Healthy,
    MoveStage,
    MoveTraffic,
    NothingToDo,
    Pause,
    Progress,
    Refuse,
    Restore,
    ReturnTraffic,
    SetWeight,
    Signals,
    Wait,
    Yield,
    assess,
    decide,
    diagnose,
    obstacle,
)
from release.layout import FunctionState, ReleaseState
from release.model import Journal, Observation, Operation, Release, RoutedRule, StackView
from release.names import FUNCTIONS, Colour
from release.plans import Plan, Step, plan_for

CRITERIA = plan_for("prod").criteria
PLAN = Plan(
    steps=(
        Step(weight_percent=10, bake_seconds=60),
        Step(weight_percent=50, bake_seconds=60),
        Step(weight_percent=100, bake_seconds=30),
    ),
    poll_seconds=5,
    criteria=CRITERIA,
    patience_seconds=20,
    approval_required=False,
    begins_while_red=False,
    silent_alarms=Missing.INCONCLUSIVE,
)
BLUE, GREEN = Colour.BLUE, Colour.GREEN
QUIET = Signals(judgement=Judgement(Verdict.GOOD, "fine"))
SILENT = Signals(judgement=Judgement(Verdict.INCONCLUSIVE, "silence"))
UNSEEN = Signals(silent_alarms=("p99",), judgement=QUIET.judgement)
WORSE = Signals(judgement=Judgement(Verdict.BAD, "slower"))
RED = Signals(alarms=("p99",), judgement=QUIET.judgement)
LOST = Signals(weights_as_set=False)


@pytest.mark.parametrize(
    ("progress", "signals", "now", "expected"),
    [
        (Progress(), SILENT, 0, SetWeight(0, 10)),
        (Progress(step=0, since=100), QUIET, 100, Wait(5)),
        (Progress(step=0, since=100), QUIET, 158, Wait(2)),
        (Progress(step=0, since=100), QUIET, 160, SetWeight(1, 50)),
        (Progress(step=1, since=200), QUIET, 260, SetWeight(2, 100)),
        (Progress(step=2, since=300), QUIET, 329, Wait(1)),
        (Progress(step=2, since=300), QUIET, 330, Complete()),
        (Progress(step=0, since=100), SILENT, 158, Wait(2)),
        (Progress(step=0, since=100), SILENT, 160, Wait(5)),
        (Progress(step=0, since=100), SILENT, 179, Wait(1)),
        (Progress(step=0, since=100), SILENT, 180, Pause("silence")),
        (Progress(step=2, since=300), SILENT, 350, Pause("silence")),
        (Progress(), UNSEEN, 0, SetWeight(0, 10)),
        (Progress(step=0, since=100), UNSEEN, 158, Wait(2)),
        (Progress(step=0, since=100), UNSEEN, 179, Wait(1)),
        (Progress(step=0, since=100), UNSEEN, 180, Pause("in INSUFFICIENT_DATA: p99")),
        (Progress(step=0, since=100), WORSE, 101, ReturnTraffic("slower")),
        (Progress(), RED, 0, ReturnTraffic("in ALARM: p99")),
        (Progress(step=0, since=100), RED, 101, ReturnTraffic("in ALARM: p99")),
        (Progress(step=2, since=300), RED, 999, ReturnTraffic("in ALARM: p99")),
    ],
)
def test_a_shift_bakes_each_step_and_gives_way_to_alarms(
    progress: Progress, signals: Signals, now: float, expected: Action
) -> None:
    assert decide(PLAN, progress, signals, now) == expected


@pytest.mark.parametrize("signals", [LOST, Signals(alarms=("p99",), weights_as_set=False)])
@pytest.mark.parametrize("progress", [Progress(), Progress(step=1, since=0), Progress(step=2, since=0)])
def test_a_shift_touches_nothing_once_others_move_the_traffic(progress: Progress, signals: Signals) -> None:
    assert isinstance(decide(PLAN, progress, signals, 1000), Yield)


def rules(*blue_shares: int) -> tuple[RoutedRule, ...]:
    return tuple(
        RoutedRule(arn=name, function=name, weights={BLUE: share, GREEN: 100 - share})
        for name, share in zip(("validation", "processing"), blue_shares, strict=True)
    )


def recorded(colour: Colour = BLUE, version: str = "1") -> ReleaseState:
    functions = {name: FunctionState(release_id=f"id-{version}", blue=version, green=version) for name in FUNCTIONS}
    return ReleaseState(live_colour=colour, deployment_id="d1", functions=functions)


SHIFTING = Journal(operation=Operation.SHIFT, origin=recorded())
HEALING = Journal(operation=Operation.HEAL, origin=recorded())
ROLLING_BACK = Journal(operation=Operation.ROLLBACK, origin=recorded(GREEN, "2"), previous=recorded())


@pytest.mark.parametrize(
    ("seen", "state", "journal", "expected"),
    [
        ((), recorded(), SHIFTING, Healthy),
        (rules(100, 100), recorded(), Journal(), Healthy),
        (rules(0, 0), recorded(), Journal(), Healthy),
        (rules(0, 0), None, Journal(), Healthy),
        (rules(90, 100), recorded(), Journal(), Restore),
        (rules(100, 0), recorded(), Journal(), Restore),
        (rules(50, 50), None, Journal(), Refuse),
        (rules(50, 50), ReleaseState(), Journal(), Refuse),
        (rules(90, 100), recorded(), HEALING, Restore),
        (rules(100, 100), recorded(), HEALING, Restore),
        (rules(90, 90), recorded(), SHIFTING, Restore),
        (rules(0, 0), recorded(), SHIFTING, Restore),
        (rules(100, 100), recorded(), SHIFTING, Restore),
        (rules(0, 0), recorded(GREEN, "2"), SHIFTING, FinishShift),
        (rules(0, 0), recorded(GREEN, "2"), ROLLING_BACK, FinishRollback),
        (rules(100, 0), recorded(GREEN, "2"), ROLLING_BACK, FinishRollback),
        (rules(100, 100), recorded(), ROLLING_BACK, FinishRollback),
    ],
)
def test_what_a_killed_command_left_is_undone_or_finished(
    seen: tuple[RoutedRule, ...], state: ReleaseState | None, journal: Journal, expected: type
) -> None:
    assert isinstance(diagnose(seen, state, journal), expected)


def observed(blue: str, green: str, *, stage: str = "d1", share: int = 100) -> Observation:
    return Observation(
        rules=rules(share, share),
        versions={BLUE: dict.fromkeys(FUNCTIONS, blue), GREEN: dict.fromkeys(FUNCTIONS, green)},
        release_ids={},
        deployment_id=stage,
    )


DEPLOYED = Release(versions=dict.fromkeys(FUNCTIONS, "2"), deployment_id="d2")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (observed("2", "1", stage="d2"), NothingToDo()),
        (observed("2", "2", stage="d2"), NothingToDo()),
        (observed("2", "1", stage="d1"), MoveStage()),
        (observed("1", "2", stage="d1"), MoveTraffic(GREEN)),
        (observed("2", "1", share=0), MoveTraffic(BLUE)),
    ],
)
def test_a_shift_moves_only_what_differs(seen: Observation, expected: object) -> None:
    assert assess(seen, DEPLOYED) == expected


@pytest.mark.parametrize("seen", [observed("1", "3"), observed("1", "1"), observed("1", "2", share=50)])
def test_a_shift_refuses_an_idle_colour_that_was_not_deployed_last(seen: Observation) -> None:
    assert isinstance(assess(seen, DEPLOYED), Refuse)


@pytest.mark.parametrize(
    ("status", "hinders"),
    [
        ("CREATE_COMPLETE", False),
        ("UPDATE_COMPLETE", False),
        ("UPDATE_ROLLBACK_COMPLETE", False),
        ("ROLLBACK_COMPLETE", False),
        ("REVIEW_IN_PROGRESS", False),
        ("UPDATE_IN_PROGRESS", True),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_IN_PROGRESS", True),
        ("CREATE_IN_PROGRESS", True),
        ("DELETE_IN_PROGRESS", True),
        ("UPDATE_ROLLBACK_FAILED", True),
    ],
)
def test_nothing_is_changed_while_a_stack_is(status: str, hinders: bool) -> None:
    view = StackView(name="payment-dev-api", status=status, outputs={}, reads_release_state=True)
    assert (obstacle([view]) is not None) == hinders


def test_every_environment_has_a_plan_and_prod_takes_the_longest() -> None:
    assert plan_for("pr-12") == plan_for("dev")
    total = {name: sum(step.bake_seconds for step in plan_for(name).steps) for name in ("dev", "staging", "prod")}
    assert total["dev"] < total["staging"] < total["prod"]
    assert [step.weight_percent for step in plan_for("prod").steps] == [10, 50, 100]


@pytest.mark.parametrize("weights", [(), (10, 50), (50, 10, 100), (0, 100), (10, 10, 100)])
def test_a_plan_that_does_not_rise_to_all_traffic_is_refused(weights: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rise"):
        Plan(
            steps=tuple(Step(weight_percent=w, bake_seconds=30) for w in weights),
            poll_seconds=1,
            criteria=CRITERIA,
            patience_seconds=0,
            approval_required=False,
            begins_while_red=False,
            silent_alarms=Missing.EXPECTED,
        )
