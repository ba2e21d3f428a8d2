"""The control plane: ministack's, with what it lacks around it.

Deployments freeze a snapshot, stages need a deployment that exists, integrations keep their target, logging
needs the account's CloudWatch role, and VPC links exist.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from local.engine import context
from local.engine.api_gateway import schemas, snapshot
from local.engine.api_gateway.deployments import Deployments
from local.engine.api_gateway.vpc_links import PATH, VpcLinks, problem
from local.engine.registry import Request, Response, ServiceHandler, ServiceWrapper

NO_LOG_ROLE = "CloudWatch Logs role ARN must be set in account settings to enable logging"
NO_DEPLOYMENT = "Deployment id does not exist"
STILL_USED = "Active stages pointing to this deployment must be moved or deleted"
LOST_BY_MINISTACK = ("connectionId", "integrationTarget")
EVERYTHING = {"limit": ["500"]}


def wrapper(deployments: Deployments, links: VpcLinks) -> ServiceWrapper:
    async def handle(request: Request, proceed: ServiceHandler) -> Response:
        parts = [part for part in request.path.split("/") if part]
        if parts[:2] == PATH:
            return await links.handle(request, parts)
        match request.method, parts:
            case "POST", ["restapis", api_id, "deployments"]:
                return await _deploy(request, proceed, deployments, api_id)
            case "DELETE", ["restapis", api_id, "deployments", deployment_id]:
                return await _drop(request, proceed, deployments, api_id, deployment_id)
            case "POST", ["restapis", api_id, "stages"]:
                return await _create_stage(request, proceed, api_id)
            case "PATCH", ["restapis", api_id, "stages", _]:
                return await _update_stage(request, proceed, api_id)
            case "PUT", ["restapis", _, "resources", _, "methods", _, "integration"]:
                return await _put_integration(request, proceed)
            case _:
                return await proceed(request)

    return handle


async def _deploy(request: Request, proceed: ServiceHandler, deployments: Deployments, api_id: str) -> Response:
    try:
        frozen = snapshot.build(
            account=context.account(),
            region=context.region(),
            api=await _read(proceed, f"/restapis/{api_id}"),
            resources=(await _read(proceed, f"/restapis/{api_id}/resources"))["item"],
            models=(await _read(proceed, f"/restapis/{api_id}/models"))["item"],
            validators=(await _read(proceed, f"/restapis/{api_id}/requestvalidators"))["item"],
            responses=(await _read(proceed, f"/restapis/{api_id}/gatewayresponses"))["item"],
        )
    except KeyError:
        return problem(404, "NotFoundException", "Invalid API identifier specified")
    except snapshot.NotSupportedError as error:
        return problem(400, "BadRequestException", f"the embedded API Gateway does not support {error}")
    except schemas.InvalidModelError as error:
        return problem(400, "BadRequestException", str(error))
    answer = await proceed(request)
    if answer.status == 201:
        deployments.keep(json.loads(answer.body)["id"], frozen)
    return answer


async def _drop(
    request: Request, proceed: ServiceHandler, deployments: Deployments, api_id: str, deployment_id: str
) -> Response:
    stages = (await _read(proceed, f"/restapis/{api_id}/stages")).get("item", [])
    if any(stage["deploymentId"] == deployment_id for stage in stages):
        return problem(400, "BadRequestException", STILL_USED)
    answer = await proceed(request)
    if answer.status < 300:
        deployments.drop(api_id, deployment_id)
    return answer


async def _create_stage(request: Request, proceed: ServiceHandler, api_id: str) -> Response:
    given = json.loads(request.body)
    if not await _exists(proceed, f"/restapis/{api_id}/deployments/{given['deploymentId']}"):
        return problem(400, "BadRequestException", NO_DEPLOYMENT)
    if await _exists(proceed, f"/restapis/{api_id}/stages/{given['stageName']}"):
        return problem(409, "ConflictException", "Stage already exists")
    return await proceed(request)


async def _update_stage(request: Request, proceed: ServiceHandler, api_id: str) -> Response:
    operations = json.loads(request.body).get("patchOperations", [])
    for operation in operations:
        path, value = operation["path"], operation.get("value")
        if path == "/deploymentId" and not await _exists(proceed, f"/restapis/{api_id}/deployments/{value}"):
            return problem(400, "BadRequestException", NO_DEPLOYMENT)
    if _turns_logging_on(operations) and not (await _read(proceed, "/account")).get("cloudwatchRoleArn"):
        return problem(400, "BadRequestException", NO_LOG_ROLE)
    return await proceed(request)


def _turns_logging_on(operations: Sequence[Any]) -> bool:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html"""
    return any(
        operation["op"] != "remove"
        and (
            operation["path"].startswith("/accessLogSettings/")
            or (operation["path"].endswith("/logging/loglevel") and operation.get("value") != "OFF")
        )
        for operation in operations
    )


async def _put_integration(request: Request, proceed: ServiceHandler) -> Response:
    answer = await proceed(request)
    given = json.loads(request.body)
    kept = [
        {"op": "replace", "path": f"/{name}", "value": given[name]} for name in LOST_BY_MINISTACK if given.get(name)
    ]
    if answer.status != 201 or not kept:
        return answer
    patch = json.dumps({"patchOperations": kept}).encode()
    return replace(await proceed(replace(request, method="PATCH", body=patch)), status=201)


async def _exists(proceed: ServiceHandler, path: str) -> bool:
    return (await proceed(_get(path))).status == 200


async def _read(proceed: ServiceHandler, path: str) -> Any:
    return json.loads((await proceed(_get(path))).body)


def _get(path: str) -> Request:
    return Request(method="GET", path=path, headers={}, body=b"", query=EVERYTHING)
