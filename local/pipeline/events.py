"""The events of executions, on the account's default event bus, and rules that start builds.

https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.engine import context, seams
from local.pipeline.aws import AwsSession
from local.pipeline.executions import Execution, Status

logger = logging.getLogger(__name__)

DETAIL_TYPE = "CodePipeline Pipeline Execution State Change"
# CodePipeline's API and its events do not spell this one alike.
_STATES = {Status.CANCELLED: "CANCELED"}
Sessions = Callable[[str, str], AwsSession]
Deliver = Callable[[Mapping[str, Any], Any, Any, Any], None]


def entry_of(execution: Execution) -> dict[str, Any]:
    """An execution's state as an entry of PutEvents."""
    detail = {
        "pipeline": execution.key.name,
        "execution-id": execution.id,
        "state": _STATES.get(execution.status, execution.status.value.upper()),
        "version": float(execution.pipeline.version),
    }
    return {
        "Source": "aws.codepipeline",
        "DetailType": DETAIL_TYPE,
        "Detail": json.dumps(detail),
        "Resources": [execution.key.arn],
    }


def announce(execution: Execution) -> None:
    """Put the execution's state on the bus of the pipeline's account, from a thread of its own."""
    entry, key = entry_of(execution), execution.key

    def put() -> None:
        with context.acting_in(key.account, key.region):
            seams.get("events.put")({"Entries": [entry]}, allow_aws_source=True)

    threading.Thread(target=put, name=f"event-{execution.id[:8]}", daemon=True).start()


def deliver_to_builds(sessions: Callable[[], Sessions | None]) -> Callable[[Deliver], Deliver]:
    """Let rules start builds, which the engine's own bus cannot; `sessions` answers None while nothing could run."""

    def wrap(original: Deliver) -> Deliver:
        def deliver(target: Mapping[str, Any], event: Any, rule: Any, view: Any = None) -> None:
            arn = str(target.get("Arn", ""))
            if not arn.startswith("arn:aws:codebuild:"):
                original(target, event, rule, view)
                return
            session = sessions()
            if session is not None:
                # On the event loop a call to the engine would wait for itself.
                threading.Thread(target=_start_build, args=(session, target), name=f"rule-{arn}", daemon=True).start()

        return deliver

    return wrap


def _start_build(sessions: Sessions, target: Mapping[str, Any]) -> None:
    """With the rights of the target's role alone, as EventBridge does."""
    _, _, _, region, account, project = str(target["Arn"]).split(":", 5)
    given = json.loads(target.get("Input") or "{}")
    try:
        role = sessions(account, region).assume(str(target.get("RoleArn", "")), "events")
        role.client("codebuild").start_build(**given, projectName=project.removeprefix("project/"))
    except (ClientError, BotoCoreError):
        logger.exception("the rule's target %s was not started", target["Arn"])
