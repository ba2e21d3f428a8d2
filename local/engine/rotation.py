"""Secrets Manager's RotateSecret for real: four steps of the secret's own rotation function.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
`local.engine.rotation_schedule` calls it when a rotation is due. RotateImmediately=false runs testSecret as a trial:
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
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
from local.engine.rotation_schedule import due_at

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
# Marks a version that only a trial has announced.
TRIAL = "Trial"
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
        return _with_rotation_dates(json.loads(request.body or b"{}"), response)
    return response


def _refuse_empty_version(response: Response) -> Response:
    """A version that a rotation has only announced has no value: AWS does not find it."""
    found = json.loads(response.body)
    if "SecretString" in found or "SecretBinary" in found:
        return response
    stages = ", ".join(found.get("VersionStages", []))
    message = f"Secrets Manager can't find the specified secret value for staging label: {stages}"
    return json_error("ResourceNotFoundException", message)


def _with_rotation_dates(asked: dict[str, Any], response: Response) -> Response:
    secret = _secret(asked)
    if isinstance(secret, Response):
        return response
    due = due_at(secret)
    dates = {"LastRotatedDate": secret.get("LastRotatedDate"), "NextRotationDate": due and int(due)}
    return json_reply({**json.loads(response.body), **{name: date for name, date in dates.items() if date}})


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
    version = asked.get("ClientRequestToken") or str(uuid.uuid4())
    immediately = bool(asked.get("RotateImmediately", True))
    value = (None, None) if immediately else _current_value(secret)
    if immediately:
        # A label is at one version at a time; a finished rotation has left it at the current one.
        for other in secret["Versions"].values():
            other["Stages"] = [label for label in other["Stages"] if label != "AWSPENDING"]
    secret["Versions"][version] = {
        "SecretString": value[0],
        "SecretBinary": value[1],
        "CreatedDate": int(time.time()),
        "Stages": ["AWSPENDING"],
        TRIAL: not immediately,
    }
    arguments = (secret, function, version, context.account(), context.region())
    work = _run_steps if immediately else _run_trial
    threading.Thread(target=work, args=arguments, daemon=True, name="secret-rotation").start()
    return json_reply({**summary, "VersionId": version} if immediately else summary)


def _current_value(secret: dict[str, Any]) -> tuple[Any, Any]:
    current: dict[str, Any] = next((v for v in secret["Versions"].values() if "AWSCURRENT" in v["Stages"]), {})
    return current.get("SecretString"), current.get("SecretBinary")


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
    stages = [version["Stages"] for version in secret["Versions"].values() if not version.get(TRIAL)]
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
    if all(_succeeds(step, secret, function, version, account, region) for step in STEPS):
        secret["LastRotatedDate"] = int(time.time())


def _run_trial(secret: dict[str, Any], function: str, version: str, account: str, region: str) -> None:
    """Show in the log whether rotations will work; the version goes again, and a failure fails nobody."""
    try:
        _succeeds("testSecret", secret, function, version, account, region)
    finally:
        secret["Versions"].pop(version, None)


def _succeeds(step: str, secret: dict[str, Any], function: str, version: str, account: str, region: str) -> bool:
    event = {"Step": step, "SecretId": secret["ARN"], "ClientRequestToken": version, "RotationToken": version}
    client = context.client("lambda", account=account, region=region)
    answered = client.invoke(FunctionName=function, Payload=json.dumps(event))
    if not answered.get("FunctionError"):
        return True
    # Only the kind of error: a message could quote the secret.
    kind = json.loads(answered["Payload"].read()).get("errorType", "unknown")
    print(f"rotation of {secret['Name']} stopped at {step}: {kind}", file=sys.stderr, flush=True)
    return False
