"""Secrets Manager's RotateSecret for real: four steps of the secret's own rotation function.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
Schedules are kept but no clock runs them: a rotation happens when RotateSecret is called. With
RotateImmediately=false AWS also runs the testSecret step as a trial; here nothing is run.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from typing import Any

from local.engine import context, seams
from local.engine.registry import Registry, Request, Response, ServiceHandler
from local.engine.replies import json_error, json_reply

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
SERVICE_PRINCIPAL = "secretsmanager.amazonaws.com"


def register(registry: Registry) -> None:
    registry.wrap_service("secretsmanager", answer)


async def answer(request: Request, proceed: ServiceHandler) -> Response:
    operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if operation == "RotateSecret":
        return await _rotate(json.loads(request.body or b"{}"))
    if operation == "CancelRotateSecret":
        return _cancel(json.loads(request.body or b"{}"))
    response = await proceed(request)
    if response.status == 200 and operation == "GetSecretValue":
        return _refuse_empty_version(response)
    if response.status == 200 and operation == "DescribeSecret":
        return _with_last_rotation(json.loads(request.body or b"{}"), response)
    return response


def _refuse_empty_version(response: Response) -> Response:
    """A version that a rotation has only announced has no value: AWS does not find it."""
    found = json.loads(response.body)
    if "SecretString" in found or "SecretBinary" in found:
        return response
    stages = ", ".join(found.get("VersionStages", []))
    message = f"Secrets Manager can't find the specified secret value for staging label: {stages}"
    return json_error("ResourceNotFoundException", message)


def _with_last_rotation(asked: dict[str, Any], response: Response) -> Response:
    secret = _secret(asked)
    if isinstance(secret, Response) or "LastRotatedDate" not in secret:
        return response
    return json_reply({**json.loads(response.body), "LastRotatedDate": secret["LastRotatedDate"]})


async def _rotate(asked: dict[str, Any]) -> Response:
    secret = _secret(asked)
    if isinstance(secret, Response):
        return secret
    function = asked.get("RotationLambdaARN") or secret.get("RotationLambdaARN")
    if not function:
        return json_error("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
    if not await context.run_blocking(_may_invoke, function, context.account(), context.region()):
        return json_error(
            "AccessDeniedException",
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants "
            f"access to the principal {SERVICE_PRINCIPAL}.",
        )
    if _unfinished(secret):
        return json_error("InvalidRequestException", "A previous rotation isn't complete. Finish or cancel it first.")
    secret["RotationEnabled"] = True
    secret["RotationLambdaARN"] = function
    secret["RotationRules"] = asked.get("RotationRules") or secret.get("RotationRules")
    summary = {"ARN": secret["ARN"], "Name": secret["Name"]}
    if not asked.get("RotateImmediately", True):
        return json_reply(summary)
    version = asked.get("ClientRequestToken") or str(uuid.uuid4())
    secret["Versions"][version] = {
        "SecretString": None,
        "SecretBinary": None,
        "CreatedDate": int(time.time()),
        "Stages": ["AWSPENDING"],
    }
    arguments = (secret, function, version, context.account(), context.region())
    threading.Thread(target=_run_steps, args=arguments, daemon=True, name="secret-rotation").start()
    return json_reply({**summary, "VersionId": version})


def _cancel(asked: dict[str, Any]) -> Response:
    """Turn rotation off; an unfinished version stays AWSPENDING, as on AWS, until somebody takes the label off."""
    secret = _secret(asked)
    if isinstance(secret, Response):
        return secret
    secret["RotationEnabled"] = False
    return json_reply({"ARN": secret["ARN"], "Name": secret["Name"]})


def _secret(asked: dict[str, Any]) -> Any:
    _, secret = seams.get("secrets.resolve")(asked.get("SecretId"))
    if not secret:
        return json_error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if secret.get("DeletedDate"):
        return json_error(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    return secret


def _unfinished(secret: dict[str, Any]) -> bool:
    stages = [version["Stages"] for version in secret["Versions"].values()]
    return any("AWSPENDING" in labels and "AWSCURRENT" not in labels for labels in stages)


def _may_invoke(function: str, account: str, region: str) -> bool:
    client = context.client("lambda", account=account, region=region)
    try:
        policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
    except client.exceptions.ResourceNotFoundException:
        return False
    return any(
        SERVICE_PRINCIPAL in json.dumps(statement.get("Principal")) and statement["Effect"] == "Allow"
        for statement in policy["Statement"]
    )


def _run_steps(secret: dict[str, Any], function: str, version: str, account: str, region: str) -> None:
    client = context.client("lambda", account=account, region=region)
    for step in STEPS:
        event = {"Step": step, "SecretId": secret["ARN"], "ClientRequestToken": version, "RotationToken": version}
        answered = client.invoke(FunctionName=function, Payload=json.dumps(event))
        if answered.get("FunctionError"):
            # Only the kind of error: a message could quote the secret.
            kind = json.loads(answered["Payload"].read()).get("errorType", "unknown")
            print(f"rotation of {secret['Name']} stopped at {step}: {kind}", file=sys.stderr, flush=True)
            return
    secret["LastRotatedDate"] = int(time.time())
