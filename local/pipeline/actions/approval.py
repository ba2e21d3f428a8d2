"""A manual approval: waits until somebody answers over the CodePipeline API."""

from __future__ import annotations

import json
import time

from local.pipeline.actions.context import ActionContext, ActionResult
from local.pipeline.errors import ActionFailedError

DEFAULT_MINUTES = 7 * 24 * 60


def run(context: ActionContext) -> ActionResult:
    """Raises ActionFailedError when rejected or never answered, AbandonedError when the execution is withdrawn."""
    configuration = context.action.configuration
    minutes = context.action.timeout_minutes or DEFAULT_MINUTES
    token = context.ports.approver.open(context.execution.id)
    context.report(token=token, external_url=configuration.get("ExternalEntityLink", ""))
    if "NotificationArn" in configuration:
        _notify(context, token, minutes)
    decision = context.ports.approver.wait(token, minutes * 60)
    if decision is None:
        raise ActionFailedError(f"nobody answered within {minutes} minutes", code="TimeoutError")
    context.report(updated_by=decision.by)
    if not decision.approved:
        raise ActionFailedError(f"rejected by {decision.by}: {decision.summary}", code="Rejected")
    return ActionResult(summary=decision.summary)


def _notify(context: ActionContext, token: str, minutes: int) -> None:
    configuration, key = context.action.configuration, context.execution.key
    expires = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(context.ports.clock.now() + minutes * 60))
    message = {
        "region": key.region,
        "approval": {
            "pipelineName": key.name,
            "stageName": context.stage,
            "actionName": context.action.name,
            "token": token,
            "expires": expires,
            "externalEntityLink": configuration.get("ExternalEntityLink"),
            "customData": configuration.get("CustomData"),
        },
    }
    subject = f"APPROVAL NEEDED: {key.name}: {context.action.name}"
    context.session.client("sns").publish(
        TopicArn=configuration["NotificationArn"], Subject=subject[:100], Message=json.dumps(message)
    )
