"""The history of the pipeline's executions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from release.approval import BY_HAND, Approval
from release.aws.session import CLIENT_CONFIG
from release.errors import Refused
from release.names import PIPELINE

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_codepipeline import CodePipelineClient
    from mypy_boto3_codepipeline.type_defs import ActionExecutionDetailTypeDef


class PipelineHistory:
    """`session` is the build's own: the pipeline is in its account, and not in the environment's."""

    def __init__(self, session: "boto3.Session") -> None:
        self._session = session

    def approvals(self, execution: str, stage: str) -> tuple[Approval, ...]:
        client = self._session.client("codepipeline", config=CLIENT_CONFIG)
        pages = client.get_paginator("list_action_executions").paginate(
            pipelineName=PIPELINE, filter={"pipelineExecutionId": execution}
        )
        try:
            details = [detail for page in pages for detail in page["actionExecutionDetails"]]
            asked = [detail for detail in details if _asks(detail, execution, stage)]
            unnamed = any("updatedBy" not in each for each in asked)
            people = _answered_last(client, stage) if unnamed else {}
        except (ClientError, BotoCoreError) as error:
            raise Refused(f"who approved in execution {execution} cannot be read: {error}; {BY_HAND}") from error
        return tuple(_approval(each, people) for each in asked)


def _asks(action: "ActionExecutionDetailTypeDef", execution: str, stage: str) -> bool:
    where = (action["pipelineExecutionId"], action["stageName"])
    return where == (execution, stage) and action["input"]["actionTypeId"]["category"] == "Approval"


def _answered_last(client: "CodePipelineClient", stage: str) -> dict[str, str]:
    """Who changed the last run of each action of the stage, by the run's id."""
    states = client.get_pipeline_state(name=PIPELINE)["stageStates"]
    runs = [each.get("latestExecution", {}) for s in states if s["stageName"] == stage for each in s["actionStates"]]
    return {run["actionExecutionId"]: run["lastUpdatedBy"] for run in runs if "lastUpdatedBy" in run}


def _approval(action: "ActionExecutionDetailTypeDef", people: Mapping[str, str]) -> Approval:
    return Approval(
        action=action["actionName"],
        at=action["startTime"].timestamp(),
        approved=action["status"] == "Succeeded",
        by=action.get("updatedBy") or people.get(action["actionExecutionId"]),
    )
