"""The template type and the CodeBuild records as the engine uses them, without an engine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from local.engine import context
from local.engine.registry import Engine, Registry, Request, Resource, Response
from local.pipeline.catalog import PipelineKey
from local.pipeline.codebuild.ledger import BuildLedger
from local.pipeline.codebuild.script import PhaseRecord
from local.pipeline.codebuild.service import KEPT, CodeBuildRecords
from local.pipeline.codebuild.webhook_builds import StartedBuild
from local.pipeline.engine_module import PipelineModule, register
from local.pipeline.errors import UnsupportedError
from local.pipeline.settings import PipelineSettings
from tests.local_pipeline.cloud import ACCOUNT, ENDPOINT, REGION

KEY = PipelineKey(ACCOUNT, REGION, "payments")


def properties(**more: Any) -> dict[str, Any]:
    kind = {"Category": "Source", "Owner": "AWS", "Provider": "CodeStarSourceConnection", "Version": "1"}
    push = {
        "Name": "Push",
        "ActionTypeId": kind,
        "Configuration": {"BranchName": "main"},
        "OutputArtifacts": [{"Name": "Source"}],
    }
    return {
        "Name": "payments",
        "RoleArn": "arn:aws:iam::111111111111:role/pipeline",
        "ArtifactStore": {"Type": "S3", "Location": "artifacts"},
        "Stages": [{"Name": "Source", "Actions": [push]}],
        **more,
    }


def resource(**more: Any) -> Resource:
    return Resource(
        type="AWS::CodePipeline::Pipeline",
        logical_id="Pipeline",
        stack_name="stack",
        account=ACCOUNT,
        region=REGION,
        properties=properties(**more),
        physical_id="payments",
    )


@pytest.fixture
def module(tmp_path: Path) -> PipelineModule:
    made = PipelineModule()
    settings = PipelineSettings(
        repository=tmp_path / "no.git", work_dir=tmp_path, cache_dir=tmp_path, path="/bin", seed_checkout=None
    )
    settings.save(tmp_path)
    assert PipelineSettings.load(tmp_path) == settings
    made.start(Engine(endpoint=ENDPOINT, state_dir=tmp_path))
    return made


def test_a_created_pipeline_has_version_one_and_each_update_one_more(module: PipelineModule) -> None:
    created = module.create(resource())
    assert (created.physical_id, created.attributes) == ("payments", {"Version": "1"})
    assert module.update(resource()).attributes == {"Version": "2"}
    assert module.catalog.version(KEY) == 2
    assert module.store.of(KEY) == []  # the repository has no branch main yet: nothing to run


def test_a_definition_that_cannot_run_fails_its_stack_and_keeps_the_old_one(module: PipelineModule) -> None:
    module.create(resource())
    with pytest.raises(UnsupportedError, match="PARALLEL"):
        module.update(resource(ExecutionMode="PARALLEL"))
    assert module.catalog.version(KEY) == 1


def test_a_name_is_taken_once_and_free_again_after_deletion(module: PipelineModule) -> None:
    module.create(resource())
    with pytest.raises(ValueError, match="exists already"):
        module.create(resource())
    module.delete(resource())
    assert module.create(resource()).attributes == {"Version": "1"}


def test_without_settings_pipelines_exist_but_nothing_starts(tmp_path: Path) -> None:
    module = PipelineModule()
    module.start(Engine(endpoint=ENDPOINT, state_dir=tmp_path / "empty"))
    module.create(resource())
    assert module.runner is None
    module.stop()


def test_the_engine_learns_of_everything() -> None:
    registry = Registry()
    register(registry)
    assert set(registry.resource_types) == {"AWS::CodePipeline::Pipeline"}
    assert registry.services["codepipeline"].target_prefixes == ("CodePipeline_20150709",)
    assert registry.supported["AWS::CodeBuild::Project"] == set(KEPT)


# -- CodeBuild ----------------------------------------------------------------------------------------


def ask(records: CodeBuildRecords, operation: str, body: dict[str, Any], answer: dict[str, Any]) -> Response:
    async def proceed(_: Request) -> Response:
        return Response(status=200, headers={}, body=json.dumps(answer).encode())

    headers = {"x-amz-target": f"CodeBuild_20161006.{operation}"}
    request = Request(method="POST", path="/", headers=headers, body=json.dumps(body).encode(), query={})
    return asyncio.run(records.answer(request, proceed))


def test_a_build_of_a_project_with_a_webhook_is_run_with_the_variables_it_was_given() -> None:
    started: list[StartedBuild] = []
    records = CodeBuildRecords(BuildLedger(), started.append)
    records.remember_project(
        Resource(
            type="AWS::CodeBuild::Project",
            logical_id="Branches",
            stack_name="stack",
            account=context.account(),
            region=context.region(),
            properties={"Triggers": {"Webhook": True}, "Source": {"Type": "GITHUB"}},
            physical_id="branches",
        )
    )
    trigger = {"name": "CODEBUILD_WEBHOOK_TRIGGER", "value": "branch/checkout"}
    body = {"projectName": "branches", "environmentVariablesOverride": [trigger]}
    answer = {"build": {"id": "branches:1", "projectName": "branches"}}
    assert ask(records, "StartBuild", body, answer).status == 200
    (build,) = started
    assert (build.project, build.overrides) == ("branches", [trigger])
    assert ask(records, "StartBuild", {"projectName": "synth"}, answer).status == 400


def test_builds_of_other_projects_are_started_by_pipelines_only() -> None:
    ledger = BuildLedger()
    records = CodeBuildRecords(ledger)
    refused = ask(records, "StartBuild", {"projectName": "p"}, {})
    assert refused.status == 400
    assert b"only available for projects of the repository" in refused.body
    ledger.expect("token")
    assert ask(records, "StartBuild", {"projectName": "p", "idempotencyToken": "token"}, {}).status == 200
    assert ask(records, "StartBuild", {"projectName": "p", "idempotencyToken": "token"}, {}).status == 400


def test_build_records_say_what_really_happened() -> None:
    ledger = BuildLedger()
    records = CodeBuildRecords(ledger)
    theirs = {"builds": [{"id": "p:1", "buildStatus": "SUCCEEDED", "endTime": 1, "phases": [{"phaseType": "BUILD"}]}]}

    def build() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(ask(records, "BatchGetBuilds", {}, theirs).body)["builds"][0]
        return found

    ledger.begin("p:1", at=10.0, initiator="codepipeline/x")
    assert build()["buildStatus"] == "IN_PROGRESS"
    assert "endTime" not in build()
    phase = PhaseRecord(name="BUILD", status="FAILED", start=10, end=12, reason="command 1 (false)")
    ledger.end("p:1", at=12.0, status="FAILED", phases=[phase])
    assert (build()["buildStatus"], build()["endTime"]) == ("FAILED", 12.0)
    assert build()["phases"][0]["contexts"][0]["message"] == "command 1 (false)"


def test_projects_keep_the_cache_and_logs_of_their_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "account", lambda: ACCOUNT)
    monkeypatch.setattr(context, "region", lambda: REGION)
    records = CodeBuildRecords(BuildLedger())
    project = Resource(
        type="AWS::CodeBuild::Project",
        logical_id="P",
        stack_name="s",
        account=ACCOUNT,
        region=REGION,
        physical_id="p",
        properties={
            "Cache": {"Type": "S3", "CacheNamespace": "setup"},
            "LogsConfig": {"CloudWatchLogs": {"GroupName": "g", "Status": "ENABLED"}},
        },
    )
    records.remember_project(project)
    found = json.loads(ask(records, "BatchGetProjects", {}, {"projects": [{"name": "p"}, {"name": "q"}]}).body)
    assert found["projects"] == [
        {
            "name": "p",
            "cache": {"type": "S3", "cacheNamespace": "setup"},
            "logsConfig": {"cloudWatchLogs": {"groupName": "g", "status": "ENABLED"}},
        },
        {"name": "q"},
    ]
