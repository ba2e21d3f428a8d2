"""A release that ends half-way in the pipeline: nobody approves it, or somebody kills it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from local.pipeline.watch import approve, follow
from release.errors import Exit
from tests.e2e.conftest import Released
from tests.e2e.releasing import Releasing

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient

HEALED_WITHIN_SECONDS = 120.0


@pytest.fixture
def prod(released: Released) -> Releasing:
    return Releasing(released.environment("prod"))


@pytest.fixture
def pipeline(released: Released) -> CodePipelineClient:
    return released.cloud.codepipeline()


def eventually(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + HEALED_WITHIN_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {HEALED_WITHIN_SECONDS} s"
        time.sleep(0.5)
    return found


def test_before_the_approval_and_after_a_rejection_live_traffic_is_as_it_was(
    released: Released, prod: Releasing, pipeline: CodePipelineClient
) -> None:
    before, name = prod.live(), released.cloud.pipeline
    waiting = pipeline.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
    failed = next(each["pipelineExecutionId"] for each in waiting if each["status"] == "Failed")
    pipeline.retry_stage_execution(
        pipelineName=name, stageName="Prod", pipelineExecutionId=failed, retryMode="ALL_ACTIONS"
    )
    asked = False
    for event in follow(pipeline, pipeline=name, execution_id=failed, timeout_seconds=300):
        if event.kind == "approval_wanted":
            asked = True
            assert prod.live() == before
            approve(pipeline, pipeline=name, event=event, summary="not this one", approved=False)
    assert asked
    assert prod.live() == before


def test_a_shift_that_is_killed_heals_by_itself_when_its_execution_ends(
    released: Released, prod: Releasing, pipeline: CodePipelineClient
) -> None:
    before, name = prod.live(), released.cloud.pipeline
    assert prod.run("freeze")[0] == Exit.DONE
    process = prod.start("shift", "--hotfix", "--approved-by", "a test", "--because", "it is killed", factor=1.0)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "10 %, read back" in line:
            process.kill()
    process.wait()
    divided = prod.live()
    assert divided["weights"] != before["weights"], "".join(lines)

    execution = pipeline.start_pipeline_execution(name=name)["pipelineExecutionId"]
    pipeline.stop_pipeline_execution(pipelineName=name, pipelineExecutionId=execution, abandon=True, reason="a test")

    eventually(lambda: prod.live() == before)
    newest = eventually(lambda: (entry := prod.status()["history"][0])["result"] == "healed" and entry)
    assert newest["weights"][0]["weight_percent"] == 10
    assert prod.run("verify")[0] == Exit.DONE


def test_a_hold_stops_shifts_until_it_is_lifted_or_overridden(released: Released, prod: Releasing) -> None:
    before, ssm = prod.live(), prod.environment.session().client("ssm")
    hold, approved = "/payment/prod/release/hold", ["--approved-by", "a test"]
    assert prod.run("freeze")[0] == Exit.DONE
    ssm.put_parameter(Name=hold, Type="String", Value="change freeze until Monday")
    try:
        for options in ([], ["--hotfix", "--because", "it is tried"]):
            code, output = prod.run("shift", *approved, *options)
            assert (code, "releases are held: change freeze until Monday" in output) == (Exit.REFUSED, True), output
        assert prod.live() == before
    finally:
        ssm.delete_parameter(Name=hold)
