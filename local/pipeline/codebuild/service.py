"""What the engine's own CodeBuild API leaves out: caches and logs of projects, and what builds really did."""

from __future__ import annotations

import json
import threading
from typing import Any

from local.engine import context
from local.engine.registry import Request, Resource, Response, ServiceHandler
from local.pipeline.codebuild.ledger import BuildLedger
from local.pipeline.definition import camel

CONTENT_TYPE = "application/x-amz-json-1.1"


class CodeBuildRecords:
    """Wraps the engine's CodeBuild service."""

    def __init__(self, ledger: BuildLedger) -> None:
        self._ledger = ledger
        self._lock = threading.Lock()
        self._projects: dict[tuple[str, str, str], dict[str, Any]] = {}

    def remember_project(self, resource: Resource) -> None:
        """Keep the properties of AWS::CodeBuild::Project that the engine drops."""
        kept = {name: resource.properties[name] for name in ("Cache", "LogsConfig") if name in resource.properties}
        with self._lock:
            self._projects[resource.account, resource.region, resource.physical_id] = camel(kept)

    async def answer(self, request: Request, proceed: ServiceHandler) -> Response:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation == "StartBuild" and not self._ledger.expected(_token(request)):
            message = "StartBuild is only available to pipelines on the embedded AWS"
            return _reply(400, {"__type": "InvalidInputException", "message": message})
        response = await proceed(request)
        if response.status != 200 or operation not in {"BatchGetBuilds", "BatchGetProjects"}:
            return response
        body = json.loads(response.body)
        if operation == "BatchGetBuilds":
            body["builds"] = [self._ledger.overlay(build) for build in body["builds"]]
        else:
            body["projects"] = [self._complete(project) for project in body["projects"]]
        return _reply(200, body)

    def _complete(self, project: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return {**project, **self._projects.get((context.account(), context.region(), project["name"]), {})}


def _token(request: Request) -> str:
    try:
        return str(json.loads(request.body or b"{}").get("idempotencyToken", ""))
    except ValueError:
        return ""


def _reply(status: int, body: dict[str, Any]) -> Response:
    return Response(status=status, headers={"Content-Type": CONTENT_TYPE}, body=json.dumps(body).encode())
