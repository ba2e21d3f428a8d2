"""What the engine's own CodeBuild API leaves out: caches and logs of projects, and what builds really did."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from local.engine import context
from local.engine.registry import Request, Resource, Response, ServiceHandler
from local.pipeline.codebuild.ledger import BuildLedger
from local.pipeline.codebuild.webhook_builds import StartedBuild
from local.pipeline.definition import camel

CONTENT_TYPE = "application/x-amz-json-1.1"
KEPT = ("Cache", "LogsConfig", "Triggers", "ConcurrentBuildLimit", "QueuedTimeoutInMinutes")


class CodeBuildRecords:
    """Wraps the engine's CodeBuild service."""

    def __init__(self, ledger: BuildLedger, start: Callable[[StartedBuild], None] | None = None) -> None:
        """`start` runs a build that no pipeline asked for; without it there are none."""
        self._ledger, self._start = ledger, start
        self._lock = threading.Lock()
        self._projects: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._startable: set[tuple[str, str, str]] = set()

    def remember_project(self, resource: Resource) -> None:
        """Keep the properties of AWS::CodeBuild::Project that the engine drops."""
        kept = {name: resource.properties[name] for name in KEPT if name in resource.properties}
        key = (resource.account, resource.region, resource.physical_id)
        with self._lock:
            self._projects[key] = camel(kept)
            if resource.properties.get("Source", {}).get("Type") == "GITHUB":
                self._startable.add(key)

    async def answer(self, request: Request, proceed: ServiceHandler) -> Response:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation == "StartBuild" and not self._ledger.expected(_token(request)):
            return await self._start_build(request, proceed)
        response = await proceed(request)
        if response.status != 200 or operation not in {"BatchGetBuilds", "BatchGetProjects"}:
            return response
        body = json.loads(response.body)
        if operation == "BatchGetBuilds":
            body["builds"] = [self._ledger.overlay(build) for build in body["builds"]]
        else:
            body["projects"] = [self._complete(project) for project in body["projects"]]
        return _reply(200, body)

    async def _start_build(self, request: Request, proceed: ServiceHandler) -> Response:
        """Only a project of the repository has a source that this machine can bring."""
        body = _body(request)
        key = (context.account(), context.region(), str(body.get("projectName", "")))
        if self._start is None or key not in self._startable:
            message = "StartBuild is only available for projects of the repository and to pipelines on the embedded AWS"
            return _reply(400, {"__type": "InvalidInputException", "message": message})
        response = await proceed(request)
        if response.status == 200:
            record = json.loads(response.body)["build"]
            overrides = body.get("environmentVariablesOverride", [])
            started = StartedBuild(
                account=context.account(), region=context.region(), record=record, overrides=overrides
            )
            self._start(started)
        return response

    def _complete(self, project: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return {**project, **self._projects.get((context.account(), context.region(), project["name"]), {})}


def _token(request: Request) -> str:
    return str(_body(request).get("idempotencyToken", ""))


def _body(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reply(status: int, body: dict[str, Any]) -> Response:
    return Response(status=status, headers={"Content-Type": CONTENT_TYPE}, body=json.dumps(body).encode())
