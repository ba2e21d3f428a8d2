from __future__ import annotations

from typing import Any

import pytest

from local.pipeline.errors import VariableError
from local.pipeline.model import parse_pipeline
from local.pipeline.planner import RESTART_CAP, RetryMode, Verdict, decide, plan, retry
from local.pipeline.variables import resolve, substitute
from tests.local_pipeline.world import build_action, definition, stage


def pipeline(*stages: dict[str, Any]) -> Any:
    return parse_pipeline({"name": "p", "version": 1, **definition(*stages)})


TWO_BY_TWO = stage(
    "Dev",
    build_action("D", order=7),
    build_action("A", order=2),
    build_action("B", order=2),
    build_action("C", order=3),
)


def test_stages_follow_each_other_and_equal_run_orders_go_together() -> None:
    stages = plan(pipeline(TWO_BY_TWO))
    assert [s.name for s in stages] == ["Source", "Dev"]
    assert [[a.name for a in group] for group in stages[1].groups] == [["A", "B"], ["C"], ["D"]]


def test_a_plan_can_start_at_a_later_stage() -> None:
    stages = plan(pipeline(TWO_BY_TWO, stage("Prod", build_action("E"))), start="Dev")
    assert [s.name for s in stages] == ["Dev", "Prod"]


@pytest.mark.parametrize(
    ("mode", "left"),
    [(RetryMode.FAILED_ACTIONS, [["B"], ["C"], ["D"]]), (RetryMode.ALL_ACTIONS, [["A", "B"], ["C"], ["D"]])],
)
def test_a_retry_runs_what_has_not_succeeded_or_everything(mode: RetryMode, left: list[list[str]]) -> None:
    dev = plan(pipeline(TWO_BY_TWO), start="Dev")[0]
    again = retry(dev, {"A": "Succeeded", "B": "Failed"}, mode)
    assert [[a.name for a in group] for group in again.groups] == left


@pytest.mark.parametrize(
    ("current", "stop", "restarts", "verdict"),
    [
        (1, False, 0, Verdict.PROCEED),
        (2, False, 0, Verdict.CANCEL),
        (2, False, RESTART_CAP - 1, Verdict.CANCEL),
        (2, False, RESTART_CAP, Verdict.GIVE_UP),
        (1, True, 0, Verdict.STOP),
        (2, True, RESTART_CAP, Verdict.STOP),
        (0, False, 0, Verdict.CANCEL),
    ],
)
def test_what_an_execution_does_next(current: int, stop: bool, restarts: int, verdict: Verdict) -> None:
    assert decide(planned_version=1, current_version=current, stop_requested=stop, restarts=restarts) is verdict


NAMESPACES = {"Dev@Integration-dev": {"SUMMARY": "12 passed"}, "S": {"CommitId": "abc"}}


def test_variables_are_put_in_also_from_namespaces_with_at_and_dash() -> None:
    made = resolve({"CustomData": "#{Dev@Integration-dev.SUMMARY} of #{S.CommitId}", "Plain": "#x {y}"}, NAMESPACES)
    assert made == {"CustomData": "12 passed of abc", "Plain": "#x {y}"}


@pytest.mark.parametrize("text", ["#{S.Missing}", "#{Nowhere.CommitId}"])
def test_a_variable_without_a_value_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(VariableError, match=text.replace("{", r"\{").replace("}", r"\}")):
        substitute(text, NAMESPACES)
