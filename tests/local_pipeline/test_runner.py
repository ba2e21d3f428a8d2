"""Executions from start to end: order, artifacts, roles, variables, approvals, failures."""

from __future__ import annotations

import json

import pytest

from local.pipeline.executions import Status
from tests.local_pipeline.world import (
    KEY,
    World,
    action,
    approval_action,
    build_action,
    definition,
    project,
    role,
    stage,
)

EXPORTING = """
version: 0.2
env: {exported-variables: [SUMMARY]}
phases:
  build:
    commands:
      - cat file.txt > out.txt
      - export SUMMARY="built $CODEBUILD_RESOLVED_SOURCE_VERSION for $SUFFIX"
artifacts: {files: [out.txt]}
"""


def test_a_push_goes_through_source_build_and_approval(world: World) -> None:
    world.projects(project("synth", buildspec=EXPORTING, variables=[{"name": "SUFFIX", "value": "dev"}]))
    synth = build_action("Synth", outputs=("Assembly",), namespace="Synth@x")
    ask = approval_action("Ask", order=2, CustomData="#{Synth@x.SUMMARY}: #{Source@o-r.CommitMessage}?")
    world.define(definition(stage("Build", synth, ask)))
    execution = world.start()
    assert world.approval(execution, "Build", "Ask").configuration["CustomData"] == "built c1 for dev: Subject of c1?"
    world.approve(execution, "Build", "Ask")
    assert world.end_of(execution) is Status.SUCCEEDED
    assert execution.artifacts.read(world.cloud.session(), "Assembly::out.txt") == b"content"
    approved = execution.last("Build", "Ask")
    assert approved is not None
    assert approved.summary == "because"
    assert approved.token == ""


def test_every_step_acts_as_its_own_role(world: World) -> None:
    world.projects(project("synth", buildspec=EXPORTING))
    world.define(definition(stage("Build", build_action("Synth", outputs=("Assembly",)))))
    world.end_of(world.start())
    assert world.cloud.roles_of("codebuild", "start_build") == {"start-builds"}
    assert world.cloud.roles_of("s3", "get_object") == {"service-of-synth"}
    assert world.cloud.roles_of("s3", "put_object") == {"source", "service-of-synth"}
    # base → pipeline role → action role; a build's own role straight from the account
    assert world.cloud.roles_of("sts", "assume_role") == {"111111111111", "pipeline"}


def test_the_environment_of_a_build(world: World) -> None:
    names = "CODEBUILD_BUILD_ID CODEBUILD_RESOLVED_SOURCE_VERSION CODEBUILD_CI CODEBUILD_INITIATOR AWS_ACCESS_KEY_ID"
    names += " AWS_SESSION_TOKEN AWS_REGION AWS_ENDPOINT_URL AWS_ENDPOINT_URL_EXECUTE_API FROM_IMAGE COMMIT LANG"
    spec = {
        "version": 0.2,
        "env": {"exported-variables": names.split()},
        "phases": {"build": {"commands": ['test "$PWD" = "$CODEBUILD_SRC_DIR"', "test -w $HOME", "test -w $TMPDIR"]}},
    }
    world.projects(project("env", buildspec=json.dumps(spec)))
    override = json.dumps([{"name": "COMMIT", "value": "#{Source@o-r.CommitId}"}])
    world.define(
        definition(stage("Build", build_action("Env", namespace="E", configuration={"EnvironmentVariables": override})))
    )
    execution = world.start()
    assert world.end_of(execution) is Status.SUCCEEDED
    assert execution.variables["E"] == {
        "CODEBUILD_BUILD_ID": "env:00000001",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": "c1",
        "CODEBUILD_CI": "true",
        "CODEBUILD_INITIATOR": "codepipeline/payments",
        "AWS_ACCESS_KEY_ID": "key-of-service-of-env",
        "AWS_SESSION_TOKEN": "token",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_EXECUTE_API": "http://127.0.0.1:9",
        "FROM_IMAGE": "yes",
        "COMMIT": "c1",
        "LANG": "C.UTF-8",
    }


def test_a_failed_action_fails_its_stage_after_its_neighbours_have_ended(world: World) -> None:
    world.projects(project("bad", "echo the reason; exit 3"), project("good", "true"), project("later", "true"))
    world.define(
        definition(
            stage("Dev", build_action("Bad"), build_action("Good"), build_action("Later", order=2)), stage("Prod")
        )
    )
    execution = world.start()
    assert world.end_of(execution) is Status.FAILED
    assert {a.action.name: a.status for a in execution.actions} == {
        "Push": Status.SUCCEEDED,
        "Bad": Status.FAILED,
        "Good": Status.SUCCEEDED,
    }
    bad = execution.last("Dev", "Bad")
    assert bad is not None
    assert "phase BUILD, command 1 (echo the reason; exit 3) ended with exit status 3" in bad.error_message
    assert "the reason" in bad.error_message
    assert bad.external_url.startswith("file://")
    overlay = world.builds.overlay({"id": bad.external_id})
    assert (overlay["buildStatus"], overlay["phases"][0]["phaseStatus"]) == ("FAILED", "FAILED")


def test_a_rejected_approval_fails_the_execution_and_says_who_and_why(world: World) -> None:
    world.define(definition(stage("Prod", approval_action("Ask"))))
    execution = world.start()
    world.approve(execution, "Prod", "Ask", status="Rejected")
    assert world.end_of(execution) is Status.FAILED
    ask = execution.last("Prod", "Ask")
    assert ask is not None
    assert ask.error_code == "Rejected"
    assert ask.error_message.endswith("because")


def test_an_approval_tells_its_topic(world: World) -> None:
    world.define(definition(stage("Prod", approval_action("Ask", CustomData="look", NotificationArn="arn:topic"))))
    execution = world.start()
    token = world.approval(execution, "Prod", "Ask").token
    world.wait_for(lambda: world.cloud.messages, "the notification")
    message = json.loads(world.cloud.messages[0]["Message"])["approval"]
    assert (message["token"], message["customData"]) == (token, "look")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (definition(stage("B", build_action("Absent"))), "no CodeBuild project absent"),
        (definition(stage("P", approval_action("Ask", CustomData="#{Nobody.X}"))), "#{Nobody.X} has no value"),
    ],
)
def test_what_is_missing_is_named(world: World, shape: dict[str, object], message: str) -> None:
    world.define(shape)
    execution = world.start()
    assert world.end_of(execution) is Status.FAILED
    assert message in execution.actions[-1].error_message


def test_a_second_source_and_named_secondary_artifacts_reach_their_builds(world: World) -> None:
    spec = """
version: 0.2
phases: {build: {commands: [mkdir -p a b, echo 1 > a/one, "cp $CODEBUILD_SRC_DIR_Source/file.txt b/two"]}}
artifacts:
  files: []
  secondary-artifacts:
    One: {base-directory: a, files: "**/*"}
    Two: {base-directory: b, files: "**/*"}
"""
    world.projects(project("first", buildspec=EXPORTING), project("second", buildspec=spec))
    first = build_action("First", outputs=("Made",))
    second = action(
        "Second",
        "Build",
        "CodeBuild",
        {"ProjectName": "second", "PrimarySource": "Made"},
        order=2,
        inputs=("Source", "Made"),
        outputs=("One", "Two"),
        roleArn=role("start-builds"),
    )
    world.define(definition(stage("Build", first, second)))
    execution = world.start()
    assert world.end_of(execution) is Status.SUCCEEDED
    assert execution.artifacts.read(world.cloud.session(), "One::one") == b"1\n"
    assert execution.artifacts.read(world.cloud.session(), "Two::two") == b"content"


def test_builds_share_the_projects_cache_and_their_log_goes_to_cloudwatch(world: World) -> None:
    spec = """
version: 0.2
phases: {build: {commands: ["mkdir -p made; date +%N%s >> made/times; wc -l < made/times"]}}
cache: {key: "$(codebuild-hash-files file.txt)", paths: ["made/**/*"]}
"""
    logs = {"cloudWatchLogs": {"status": "ENABLED", "groupName": "/payment/pipeline/builds"}}
    caching = {"cache": {"type": "S3", "cacheNamespace": "n"}, "logsConfig": logs}
    world.projects(project("one", buildspec=spec, **caching), project("two", buildspec=spec, **caching))
    world.define(definition(stage("Build", build_action("One"), build_action("Two", order=2))))
    assert world.end_of(world.start()) is Status.SUCCEEDED
    assert [line for line in world.cloud.log_lines if line.isdigit()] == ["1", "2"]


def test_the_commit_that_was_asked_for_wins_over_the_branchs_head(world: World) -> None:
    world.git.push("c2", {"file.txt": "newer"})
    world.projects(project("synth", "true"))
    world.define(definition(stage("Build", build_action("Synth"))))
    revisions = [{"actionName": "Push", "revisionType": "COMMIT_ID", "revisionValue": "c1"}]
    execution_id = world.call("StartPipelineExecution", name="payments", sourceRevisions=revisions)[
        "pipelineExecutionId"
    ]
    execution = world.store.find(KEY, execution_id)
    assert execution is not None
    assert world.end_of(execution) is Status.SUCCEEDED
    assert execution.variables["Source@o-r"]["CommitId"] == "c1"
