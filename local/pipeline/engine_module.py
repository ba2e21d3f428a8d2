"""Puts the pipeline runner into the embedded AWS: the CodePipeline API, its template type, and honest build records."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from local.engine import context, seams
from local.engine.registry import Engine, Provisioned, Registry, Request, Resource, Response
from local.pipeline import api, events
from local.pipeline.actions.context import Ports
from local.pipeline.approvals import ApprovalDesk
from local.pipeline.aws import account_session
from local.pipeline.catalog import Catalog, PipelineKey
from local.pipeline.clock import SystemClock
from local.pipeline.codebuild.cache import BuildCache
from local.pipeline.codebuild.ledger import BuildLedger
from local.pipeline.codebuild.service import KEPT, CodeBuildRecords
from local.pipeline.codebuild.webhook_builds import StartedBuild, WebhookBuilds
from local.pipeline.definition import PROPERTIES, restarts_on_update, shape_of
from local.pipeline.executions import ExecutionStore
from local.pipeline.git_source import BareRepository
from local.pipeline.runner import Runner
from local.pipeline.service import Caller, CodePipelineService
from local.pipeline.settings import PipelineSettings


class PipelineModule:
    """All state of the runner in one engine process."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.catalog, self.store, self.builds = Catalog(), ExecutionStore(), BuildLedger()
        self.desk = ApprovalDesk(self.clock)
        self.runner: Runner | None = None
        self.webhook_builds: WebhookBuilds | None = None
        self.sessions: events.Sessions | None = None
        self.start_on_create = False
        self.service = CodePipelineService(
            catalog=self.catalog, store=self.store, desk=self.desk, runner=lambda: self.runner
        )

    def start(self, engine: Engine) -> None:
        """Read the settings and make the runner; without settings the API answers but starts nothing."""
        try:
            settings = PipelineSettings.load(engine.state_dir)
        except FileNotFoundError:
            return
        ports = Ports(
            settings=settings,
            git=BareRepository(settings.repository),
            approver=self.desk,
            clock=self.clock,
            cache=BuildCache(settings.cache_dir, seed=settings.seed_checkout),
            builds=self.builds,
            account_session=lambda account, region: account_session(
                endpoint=engine.endpoint, account=account, region=region
            ),
            machine=dict(os.environ),
            announce=events.announce,
        )
        self.sessions = ports.account_session
        self.start_on_create = settings.start_on_create
        self.runner = Runner(catalog=self.catalog, store=self.store, ports=ports)
        self.webhook_builds = WebhookBuilds(ports=ports)

    def stop(self) -> None:
        if self.webhook_builds:
            self.webhook_builds.shut_down()
        if self.runner:
            self.runner.shut_down()

    def start_build(self, started: StartedBuild) -> None:
        if self.webhook_builds:
            self.webhook_builds.start(started)

    # -- AWS::CodePipeline::Pipeline -----------------------------------------------------------------

    def create(self, resource: Resource) -> Provisioned:
        key = PipelineKey(resource.account, resource.region, resource.named("Name"))
        if self.catalog.get(key):
            raise ValueError(f"pipeline {key.name} exists already")
        entry = self._put(key, resource.properties)
        if self.runner and self.start_on_create and (revisions := self.runner.newest(entry)):
            self.runner.start(entry, trigger=("CreatePipeline", "the pipeline was created"), revisions=revisions)
        return Provisioned(physical_id=key.name, attributes={"Version": str(entry.pipeline.version)})

    def update(self, resource: Resource) -> Provisioned:
        if resource.properties.get("Name", resource.physical_id) != resource.physical_id:
            raise ValueError(f"pipeline {resource.physical_id}: a new name is not available on the embedded AWS")
        key = PipelineKey(resource.account, resource.region, resource.physical_id)
        entry = self._put(key, resource.properties)
        if self.runner:
            self.runner.definition_changed(entry)
        return Provisioned(physical_id=key.name, attributes={"Version": str(entry.pipeline.version)})

    def delete(self, resource: Resource) -> None:
        key = PipelineKey(resource.account, resource.region, resource.physical_id)
        if self.runner:
            for execution in self.store.running(key):
                self.runner.stop(execution, abandon=True, reason="the pipeline is deleted")
        self.catalog.remove(key)
        self.store.forget(key)

    def _put(self, key: PipelineKey, properties: Mapping[str, Any]) -> Any:
        return self.catalog.put(
            key, shape_of(properties), restart_on_update=restarts_on_update(properties), now=self.clock.now()
        )

    # -- the API -------------------------------------------------------------------------------------

    async def handle(self, request: Request) -> Response:
        reply = api.answer(
            self.service,
            caller=Caller(
                account=context.account(),
                region=context.region(),
                arn=context.caller_arn(request.headers, request.query),
            ),
            target=request.headers.get("x-amz-target", ""),
            body=request.body,
        )
        return Response(status=reply.status, headers={"Content-Type": api.CONTENT_TYPE}, body=reply.body)


def resource_arn(operation: str, request: Request) -> str:
    """What IAM is asked about: the pipeline, its stage or its action, as the operation has it."""
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        return "*"
    names = [body.get("pipelineName") or body.get("name")]
    if operation in {"PutApprovalResult", "RetryStageExecution"}:
        names += [body.get("stageName"), body.get("actionName")]
    path = "/".join(name for name in names if isinstance(name, str))
    return PipelineKey(context.account(), context.region(), path).arn if path else "*"


def register(registry: Registry) -> None:
    """Called once by the engine before it starts."""
    module = PipelineModule()
    registry.resource_type(
        "AWS::CodePipeline::Pipeline",
        create=module.create,
        update=module.update,
        delete=module.delete,
        properties=PROPERTIES,
    )
    registry.register_service(
        "codepipeline", module.handle, target_prefixes=(api.TARGET_PREFIX,), resource_arn=resource_arn
    )
    records = CodeBuildRecords(module.builds, module.start_build)
    registry.after("AWS::CodeBuild::Project", records.remember_project)
    registry.supports("AWS::CodeBuild::Project", set(KEPT))
    registry.wrap_service("codebuild", records.answer)
    registry.before_start(lambda _: seams.wrap("events.deliver", events.deliver_to_builds(lambda: module.sessions)))
    registry.on_start(module.start)
    registry.on_stop(module.stop)
