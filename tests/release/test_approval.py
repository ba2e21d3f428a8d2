"""The ledger names the person who approved, or the shift is refused."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from release import cli
from release.approval import Approval, approver
from release.aws.approvals import PipelineHistory
from release.errors import Exit, Refused
from release.ports import History
from tests.release.world import World, push, refused

ALICE = "arn:aws:sts::111111111111:assumed-role/Release/alice"
BOB = "arn:aws:iam::111111111111:user/bob"
EXECUTION = "0b6c7d3e-0000-4000-8000-000000000001"
ROLE = "arn:aws:iam::222222222222:role/payment-dev-release"


def answer(by: str | None = ALICE, *, at: float = 1, approved: bool = True, action: str = "Approve") -> Approval:
    return Approval(action=action, at=at, approved=approved, by=by)


@pytest.fixture
def world() -> World:
    """A second release, deployed; a person has approved it."""
    made = World()
    made.ship(push("1"))
    made.run("freeze", commit="c2")
    made.deployment(push("2"))
    made.approve()
    made.answers[EXECUTION, "Dev"] = [answer()]
    return made


# --- whose answer counts ---


@pytest.mark.parametrize(
    ("asked", "who"),
    [
        ([answer()], ALICE),
        ([answer(BOB, at=2), answer(ALICE, at=1)], BOB),
        ([answer(ALICE, at=2), answer(BOB, at=1, approved=False)], ALICE),
        ([answer(ALICE), answer(BOB, action="Second")], f"{BOB} and {ALICE}"),
        ([answer(ALICE), answer(ALICE, action="Second")], ALICE),
    ],
    ids=["once", "again after a retry", "after a rejection", "two approvals", "both by one person"],
)
def test_of_each_approval_the_last_answer_counts(asked: list[Approval], who: str) -> None:
    assert approver(asked, execution="e1", stage="Prod") == f"{who} (execution e1)"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ([], "nobody was asked to approve in stage Prod of execution e1"),
        ([answer(at=1), answer(at=2, approved=False)], "Approve in stage Prod of execution e1 is not approved"),
        ([answer(), answer(approved=False, action="Second")], "Second in stage Prod"),
        ([answer(None)], "CodePipeline does not say who approved"),
        ([answer(""), answer(action="Second")], "CodePipeline does not say who approved"),
    ],
    ids=["never asked", "rejected after a retry", "one of two", "no name", "an empty name"],
)
def test_nobody_is_named_who_did_not_approve(asked: list[Approval], why: str) -> None:
    with pytest.raises(Refused, match=why) as refusal:
        approver(asked, execution="e1", stage="Prod")
    assert "--approved-by" in str(refusal.value)


# --- the shift ---


def test_a_shift_that_has_nothing_to_do_needs_no_history(world: World) -> None:
    world.run("shift", commit="c2", approved_in=EXECUTION)
    world.answers.clear()
    assert world.run("shift", commit="c2", approved_in=EXECUTION).exit is Exit.NOTHING_TO_DO


def test_a_shift_records_and_tells_the_person_who_approved_in_its_execution(world: World) -> None:
    world.told.clear()
    assert world.run("shift", commit="c2", approved_in=EXECUTION).exit is Exit.DONE
    who = f"{ALICE} (execution {EXECUTION})"
    assert world.history(1)[0].approved_by == who
    assert {event.approved_by for event in world.told} == {who}
    assert f"release     commit c2, approved by {who}" in world.run("status").message


def test_an_approval_of_another_stage_or_execution_is_none(world: World) -> None:
    world.answers = {(EXECUTION, "Staging"): [answer()], ("another", "Dev"): [answer()]}
    before = world.live()
    assert "nobody was asked" in refused(world, "shift", commit="c2", approved_in=EXECUTION)
    assert world.live() == before
    assert (world.told[-1].command, world.told[-1].decision) == ("shift", "refused")


def test_a_refused_shift_is_repeated_by_hand_with_the_name_of_whoever_answers_for_it(world: World) -> None:
    world.answers = {}
    refused(world, "shift", commit="c2", approved_in=EXECUTION)
    assert world.run("shift", commit="c2", approved_by="carol").exit is Exit.DONE
    assert world.history(1)[0].approved_by == "carol"


def test_a_hotfix_is_answered_for_by_name(world: World) -> None:
    asked: dict[str, str | bool | None] = {"commit": "c2", "hotfix": True, "because": "the shop is down"}
    assert "need --approved-by" in refused(world, "shift", approved_in=EXECUTION, **asked)
    assert world.run("shift", approved_by="carol", **asked).exit is Exit.DONE


# --- what CodePipeline answers ---


def action(stage: str, name: str, category: str = "Approval", **more: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": "Manual", "version": "1"}
    return {
        "pipelineExecutionId": EXECUTION,
        "actionExecutionId": f"{stage}-{name}",
        "stageName": stage,
        "actionName": name,
        "startTime": datetime(2026, 1, 1, tzinfo=UTC),
        "status": "Succeeded",
        "input": {"actionTypeId": kind},
        **more,
    }


def run(action_execution: str, by: str) -> dict[str, Any]:
    return {"actionName": "a", "latestExecution": {"actionExecutionId": action_execution, "lastUpdatedBy": by}}


@pytest.fixture
def codepipeline() -> Any:
    return boto3.client(
        "codepipeline",
        aws_access_key_id="111111111111",
        aws_secret_access_key="local",
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}),
    )


class OneClient(boto3.Session):
    """A session whose only client is that of the test."""

    def __init__(self, client: Any) -> None:
        super().__init__(region_name="us-east-1")
        self._only = client

    def client(self, service_name: Any, *_: Any, **__: Any) -> Any:
        assert service_name == "codepipeline"
        return self._only


def test_the_approvals_of_the_stage_are_read_from_every_page_of_the_executions_history(codepipeline: Any) -> None:
    expected = {"pipelineName": "payment-pipeline", "filter": {"pipelineExecutionId": EXECUTION}}
    first = [
        action("Prod", "Shift", "Build", updatedBy=BOB),
        action("Prod", "Approve", updatedBy=ALICE),
        action("Staging", "Approve", updatedBy=BOB),
        action("Prod", "Approve", updatedBy=BOB, pipelineExecutionId=EXECUTION.replace("1", "2")),
    ]
    second = [
        action("Prod", "Approve", status="Failed", updatedBy=BOB),
        action("Prod", "Approve", status="InProgress", updatedBy=BOB),
    ]
    with Stubber(codepipeline) as stub:
        stub.add_response("list_action_executions", {"actionExecutionDetails": first, "nextToken": "more"}, expected)
        stub.add_response(
            "list_action_executions", {"actionExecutionDetails": second}, {**expected, "nextToken": "more"}
        )
        found = PipelineHistory(OneClient(codepipeline)).approvals(EXECUTION, "Prod")
    at = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert found == (answer(ALICE, at=at), *[answer(BOB, at=at, approved=False)] * 2)


def test_where_the_history_names_nobody_the_state_of_the_very_same_run_does(codepipeline: Any) -> None:
    state = {
        "stageStates": [
            {"stageName": "Staging", "actionStates": [run("Prod-Approve", BOB)]},
            {"stageName": "Prod", "actionStates": [{"actionName": "Shift"}, run("Prod-Approve", ALICE)]},
        ]
    }
    second = action("Prod", "Second", actionExecutionId="an earlier run than the state's")
    with Stubber(codepipeline) as stub:
        stub.add_response("list_action_executions", {"actionExecutionDetails": [action("Prod", "Approve"), second]})
        stub.add_response("get_pipeline_state", state, {"name": "payment-pipeline"})
        found = PipelineHistory(OneClient(codepipeline)).approvals(EXECUTION, "Prod")
    assert [each.by for each in found] == [ALICE, None]


@pytest.mark.parametrize("code", ["AccessDeniedException", "PipelineExecutionNotFoundException", "ThrottlingException"])
def test_a_history_that_cannot_be_read_refuses_and_says_what_to_do(codepipeline: Any, code: str) -> None:
    with Stubber(codepipeline) as stub:
        stub.add_client_error("list_action_executions", code)
        with pytest.raises(Refused, match=f"{EXECUTION} cannot be read: .*{code}.*--approved-by"):
            PipelineHistory(OneClient(codepipeline)).approvals(EXECUTION, "Prod")


# --- the process around it ---


@pytest.fixture
def sessions(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[boto3.Session]]:
    """The sessions that the pipeline's history was asked with; the CLI is connected to the world."""
    asked: list[boto3.Session] = []

    def history(session: boto3.Session) -> History:
        asked.append(session)
        return world

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the build's own")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(cli, "assume", lambda *_, **__: boto3.Session(aws_access_key_id="a", aws_secret_access_key="b"))
    monkeypatch.setattr(cli, "PipelineHistory", history)
    monkeypatch.setattr(cli, "connect", lambda *_, progress, **__: replace(world.environment(), progress=progress))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield asked
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_the_pipeline_is_asked_with_the_builds_own_credentials(world: World, sessions: list[boto3.Session]) -> None:
    code = cli.main(["shift", "--suffix", "dev", "--role-arn", ROLE, "--commit", "c2", "--approved-in", EXECUTION])
    assert code == Exit.DONE
    assert world.history(1)[0].approved_by == f"{ALICE} (execution {EXECUTION})"
    (session,) = sessions
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "the build's own"


@pytest.mark.usefixtures("sessions")
def test_a_shift_without_a_known_approver_ends_with_the_code_of_a_refusal(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.answers = {}
    for execution in (EXECUTION, ""):
        assert cli.main(["shift", "--suffix", "dev", "--approved-in", execution]) == Exit.REFUSED
        assert "nobody was asked to approve" in capsys.readouterr().out


def test_an_approver_is_either_named_or_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["shift", "--suffix", "dev", "--approved-by", "carol", "--approved-in", EXECUTION])
    assert end.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
