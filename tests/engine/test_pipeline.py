"""The pipeline runner inside a real engine: IAM enforced, a real push, a real build."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.engine.launcher import CHECKOUT, Engine
from local.git_remote import GitRemote
from local.pipeline.settings import PipelineSettings
from local.pipeline.watch import Event, approve, follow
from tests.engine.embedded import REGION, EmbeddedAws, StackFailedError, eventually
from tests.local_pipeline.test_build_process import gone
from tests.local_pipeline.test_git_remote import git

TOOLING = "111111111111"
BUILDSPEC = {
    "version": "0.2",
    "env": {"exported-variables": ["WHO"], "parameter-store": {"GREETING": "/greeting"}},
    "phases": {
        "build": {
            "commands": [
                'WHO="$(aws sts get-caller-identity --query Arn --output text)"',
                "export WHO",
                'echo "the parameter is $GREETING"',
                "mkdir -p out kept && cp file.txt out/ && date +%N > kept/made",
            ]
        }
    },
    "artifacts": {"base-directory": "out", "files": "**/*"},
    "cache": {"key": "$(codebuild-hash-files file.txt)", "paths": ["kept/**/*"]},
}


@dataclass(frozen=True, kw_only=True)
class Laboratory:
    """An engine with a runner, a remote to push to and a clone to push from."""

    aws: EmbeddedAws
    engine: Engine
    remote: GitRemote
    directory: Path

    def client(self, service: str) -> Any:
        return self.aws.client(service, account=TOOLING)

    def push(self, name: str, **files: str) -> None:
        """Push a commit of these files to a branch that only this pipeline has."""
        clone = self.directory / f"clone-{name}"
        if not clone.exists():
            clone.mkdir()
            git(clone, "init", "--quiet")
        for file, text in files.items():
            (clone / f"{file}.txt").write_text(text)
        git(clone, "add", ".")
        git(clone, "commit", "--quiet", "--message", f"Change of {name}")
        git(clone, "push", "--quiet", str(self.remote.path), f"HEAD:{name}")

    def events(self, name: str) -> list[Event]:
        """Follow the pipeline's newest execution to its end, approving on the way."""
        client, events = self.client("codepipeline"), []
        for event in follow(client, pipeline=name, timeout_seconds=30):
            events.append(event)
            if event.kind == "approval_wanted":
                approve(client, pipeline=name, event=event, summary="fine")
        return events


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    directory = tmp_path_factory.mktemp("pipeline")
    remote = GitRemote(path=directory / "remote.git", checkout=CHECKOUT)
    remote.create()
    PipelineSettings(
        repository=remote.path,
        work_dir=directory / "work",
        cache_dir=directory / "cache",
        path=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    ).save(directory / "state")
    with Engine(state_dir=directory / "state") as engine:
        remote.announce(endpoint=engine.endpoint, account=TOOLING, region=REGION)
        aws = EmbeddedAws(endpoint=engine.endpoint)
        aws.client("ssm", account=TOOLING).put_parameter(Name="/greeting", Value="bonjour", Type="SecureString")
        yield Laboratory(aws=aws, engine=engine, remote=remote, directory=directory)


def role(trusted: str, *statements: Mapping[str, Any]) -> dict[str, Any]:
    principal = {"AWS": trusted} if trusted.startswith("arn:") else {"Service": trusted}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": _policy({"Principal": principal, "Action": "sts:AssumeRole"}),
            "Policies": [{"PolicyName": "own", "PolicyDocument": _policy(*statements)}] if statements else [],
        },
    }


def _policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}


def arn(logical_id: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def action(name: str, category: str, provider: str, configuration: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    owner = "AWS"
    kind = {"Category": category, "Owner": owner, "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": kind, "Configuration": dict(configuration), "RunOrder": 1, **more}


def resources(name: str, *, may_read: bool = True, buildspec: Mapping[str, Any] = BUILDSPEC) -> dict[str, Any]:
    """A bucket, its roles with just the rights they need, a project, and a pipeline on branch `name`."""
    objects = {"Fn::Sub": "${Bucket.Arn}/*"}
    reads = [{"Action": "s3:GetObject", "Resource": objects}] if may_read else []
    start = {"Action": "codebuild:StartBuild", "Resource": arn("Project")}
    assume = {"Action": "sts:AssumeRole", "Resource": [arn("SourceRole"), arn("StartRole")]}
    logs = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": arn("Logs")}
    parameter = {"Action": "ssm:GetParameter", "Resource": f"arn:aws:ssm:{REGION}:{TOOLING}:parameter/greeting"}
    write = {"Action": "s3:PutObject", "Resource": objects}
    root = f"arn:aws:iam::{TOOLING}:root"
    push = action(
        "Push",
        "Source",
        "CodeStarSourceConnection",
        {"ConnectionArn": "arn:c", "FullRepositoryId": "o/r", "BranchName": name},
        OutputArtifacts=[{"Name": "Source"}],
        RoleArn=arn("SourceRole"),
    )
    build = action(
        "Compile",
        "Build",
        "CodeBuild",
        {"ProjectName": {"Ref": "Project"}},
        InputArtifacts=[{"Name": "Source"}],
        OutputArtifacts=[{"Name": "Built"}],
        RoleArn=arn("StartRole"),
        Namespace="Compile",
    )
    ask = action("Ask", "Approval", "Manual", {"CustomData": "built by #{Compile.WHO}"})
    return {
        "Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/builds/{name}"}},
        "PipelineRole": role("codepipeline.amazonaws.com", assume),
        "SourceRole": role(root, write),
        "StartRole": role(root, start),
        "BuildRole": role("codebuild.amazonaws.com", write, logs, parameter, *reads),
        "Project": {
            "Type": "AWS::CodeBuild::Project",
            "Properties": {
                "Name": f"compile-{name}",
                "ServiceRole": arn("BuildRole"),
                "Artifacts": {"Type": "CODEPIPELINE"},
                "Source": {"Type": "CODEPIPELINE", "BuildSpec": json.dumps(buildspec)},
                "Environment": {"Type": "ARM_CONTAINER", "ComputeType": "SMALL", "Image": "image"},
                "Cache": {"Type": "S3", "Location": "bucket/cache", "CacheNamespace": "shared"},
                "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": {"Ref": "Logs"}}},
            },
        },
        "Pipeline": {
            "Type": "AWS::CodePipeline::Pipeline",
            "Properties": {
                "Name": name,
                "PipelineType": "V2",
                "RestartExecutionOnUpdate": True,
                "RoleArn": arn("PipelineRole"),
                "ArtifactStore": {"Type": "S3", "Location": {"Ref": "Bucket"}},
                "Stages": [
                    {"Name": "Source", "Actions": [push]},
                    {"Name": "Build", "Actions": [build]},
                    {"Name": "Release", "Actions": [ask]},
                ],
            },
        },
    }


def test_a_push_is_built_under_the_projects_role_and_approved_over_the_api(laboratory: Laboratory) -> None:
    laboratory.aws.deploy(resources("whole"), account=TOOLING)
    laboratory.push("whole", file="content")
    events = laboratory.events("whole")
    assert events[-1].status == "Succeeded", [event.message for event in events]
    asked = next(event for event in events if event.kind == "approval_wanted")
    assert ":assumed-role/" in asked.message
    assert "BuildRole" in asked.message
    build_id = laboratory.client("codebuild").list_builds_for_project(projectName="compile-whole")["ids"][0]
    build = laboratory.client("codebuild").batch_get_builds(ids=[build_id])["builds"][0]
    assert (build["buildStatus"], build["phases"][0]["phaseType"]) == ("SUCCEEDED", "BUILD")
    logs = laboratory.client("logs")
    stream = logs.describe_log_streams(logGroupName="/builds/whole")["logStreams"][0]["logStreamName"]
    shipped = logs.get_log_events(logGroupName="/builds/whole", logStreamName=stream)["events"]
    lines = [event["message"] for event in shipped]
    assert "the parameter is ***" in lines
    assert "bonjour" not in "".join(lines)


def watched(pipeline: str, *, may_start: bool) -> dict[str, Any]:
    """A rule on the pipeline's failed executions, which starts a build of the repository."""
    spec = {"version": "0.2", "phases": {"build": {"commands": ["cat file.txt"]}}}
    start = {"Action": "codebuild:StartBuild" if may_start else "codebuild:ListBuilds", "Resource": arn("Mending")}
    detail = {"pipeline": [pipeline], "state": ["FAILED", "STOPPED"]}
    return {
        "StarterRole": role("events.amazonaws.com", start),
        "MendingRole": role("codebuild.amazonaws.com"),
        "Mending": {
            "Type": "AWS::CodeBuild::Project",
            "Properties": {
                "Name": f"mend-{pipeline}",
                "ServiceRole": arn("MendingRole"),
                "Artifacts": {"Type": "NO_ARTIFACTS"},
                "Source": {"Type": "GITHUB", "Location": "https://github.com/o/r.git", "BuildSpec": json.dumps(spec)},
                "SourceVersion": pipeline,
                "Environment": {"Type": "ARM_CONTAINER", "ComputeType": "SMALL", "Image": "image"},
                "LogsConfig": {"CloudWatchLogs": {"Status": "DISABLED"}},
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.codepipeline"], "detail": detail},
                "State": "ENABLED",
                "Targets": [{"Id": "Mend", "Arn": arn("Mending"), "RoleArn": arn("StarterRole")}],
            },
        },
    }


def test_a_build_without_the_right_to_read_its_input_fails_and_a_rule_starts_another(laboratory: Laboratory) -> None:
    asked = {**resources("blind", may_read=False), **watched("blind", may_start=True)}
    laboratory.aws.deploy(asked, account=TOOLING)
    laboratory.push("blind", file="content")
    finished = [event for event in laboratory.events("blind") if event.kind == "action_finished"]
    assert (finished[-1].action, finished[-1].status) == ("Compile", "Failed")
    assert "not authorized to perform: s3:GetObject" in finished[-1].message

    codebuild = laboratory.client("codebuild")

    def mended() -> str | None:
        ids = codebuild.list_builds_for_project(projectName="mend-blind")["ids"]
        builds = codebuild.batch_get_builds(ids=ids)["builds"] if ids else []
        return next((b["buildStatus"] for b in builds if b["buildStatus"] != "IN_PROGRESS"), None)

    assert eventually(mended) == "SUCCEEDED"


def test_a_rules_target_is_started_with_the_rights_of_its_role_alone(laboratory: Laboratory) -> None:
    asked = {**resources("barred", may_read=False), **watched("barred", may_start=False)}
    laboratory.aws.deploy(asked, account=TOOLING)
    laboratory.push("barred", file="content")
    assert laboratory.events("barred")[-1].status == "Failed"
    log = laboratory.engine.log_path
    assert eventually(lambda: "not authorized to perform: codebuild:StartBuild" in log.read_text())
    assert laboratory.client("codebuild").list_builds_for_project(projectName="mend-barred")["ids"] == []


def test_a_definition_that_the_runner_cannot_run_fails_its_stack_by_name(laboratory: Laboratory) -> None:
    asked = resources("odd")
    asked["Pipeline"]["Properties"]["ExecutionMode"] = "PARALLEL"
    with pytest.raises(StackFailedError, match="execution mode PARALLEL"):
        laboratory.aws.deploy(asked, account=TOOLING)


def test_an_update_makes_a_new_version_and_runs_it(laboratory: Laboratory) -> None:
    asked = resources("changing")
    stack = laboratory.aws.deploy(asked, account=TOOLING)
    laboratory.push("changing", file="content")
    laboratory.events("changing")
    asked["Pipeline"]["Properties"]["Stages"][2]["Actions"][0]["Configuration"]["CustomData"] = "again?"
    stack.update(TemplateBody=json.dumps({"Resources": asked}))
    assert laboratory.client("codepipeline").get_pipeline(name="changing")["pipeline"]["version"] == 2
    events = laboratory.events("changing")
    assert next(event.message for event in events if event.kind == "approval_wanted") == "again?"
    stack.delete()
    names = [p["name"] for p in laboratory.client("codepipeline").list_pipelines()["pipelines"]]
    assert "changing" not in names


def test_only_who_may_approve_approves(laboratory: Laboratory) -> None:
    """IAM knows the API's operations and the pipeline's ARN."""
    document = json.dumps(
        _policy(
            {"Action": "codepipeline:GetPipelineState", "Resource": f"arn:aws:codepipeline:{REGION}:{TOOLING}:seen"}
        )
    )
    iam = laboratory.client("iam")
    trust = json.dumps(_policy({"Principal": {"AWS": f"arn:aws:iam::{TOOLING}:root"}, "Action": "sts:AssumeRole"}))
    watcher = iam.create_role(RoleName="watcher", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName="watcher", PolicyName="own", PolicyDocument=document)
    client = laboratory.aws.client_of(laboratory.aws.assume(watcher, account=TOOLING), "codepipeline")
    with pytest.raises(client.exceptions.PipelineNotFoundException):
        client.get_pipeline_state(name="seen")
    with pytest.raises(client.exceptions.ClientError, match="codepipeline:GetPipelineState"):
        client.get_pipeline_state(name="other")
    with pytest.raises(client.exceptions.ClientError, match="codepipeline:PutApprovalResult"):
        client.put_approval_result(
            pipelineName="seen", stageName="s", actionName="a", token="t", result={"summary": "", "status": "Approved"}
        )


def test_the_history_says_which_principal_approved_to_who_may_read_it(laboratory: Laboratory) -> None:
    pipeline = f"arn:aws:codepipeline:{REGION}:{TOOLING}:signed"
    root = f"arn:aws:iam::{TOOLING}:root"
    approves = {"Action": "codepipeline:PutApprovalResult", "Resource": f"{pipeline}/Release/Ask"}
    reads = {"Action": "codepipeline:ListActionExecutions", "Resource": pipeline}
    people = {"Approver": role(root, approves), "Reader": role(root, reads)}
    stack = laboratory.aws.deploy({**resources("signed"), **people}, account=TOOLING)

    def client_of(who: str) -> Any:
        credentials = laboratory.aws.assume(f"arn:aws:iam::{TOOLING}:role/{stack.resources[who]}", account=TOOLING)
        return laboratory.aws.client_of(credentials, "codepipeline")

    approver, reader = client_of("Approver"), client_of("Reader")
    laboratory.push("signed", file="content")
    execution = ""
    for event in follow(laboratory.client("codepipeline"), pipeline="signed", timeout_seconds=30):
        execution = event.execution_id
        if event.kind == "approval_wanted":
            approve(approver, pipeline="signed", event=event, summary="fine")
    asked = {"pipelineName": "signed", "filter": {"pipelineExecutionId": execution}}
    found = reader.list_action_executions(**asked)["actionExecutionDetails"]
    session = f"arn:aws:sts::{TOOLING}:assumed-role/{stack.resources['Approver']}/test"
    assert {each["actionName"]: each.get("updatedBy") for each in found} == {
        "Push": None,
        "Compile": None,
        "Ask": session,
    }
    with pytest.raises(approver.exceptions.ClientError, match="codepipeline:ListActionExecutions"):
        approver.list_action_executions(**asked)


def test_the_command_line_of_aws_works(laboratory: Laboratory) -> None:
    laboratory.aws.deploy(resources("listed"), account=TOOLING)
    done = subprocess.run(
        [str(Path(sys.executable).with_name("aws")), "codepipeline", "list-pipelines", "--output", "text"],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": laboratory.engine.endpoint,
            "AWS_ACCESS_KEY_ID": TOOLING,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": REGION,
        },
    )
    assert "listed" in done.stdout.split()


def test_a_killed_engine_leaves_no_build_behind(laboratory: Laboratory, tmp_path: Path) -> None:
    """The last test of this module: it ends the engine."""
    slow = {"version": "0.2", "phases": {"build": {"commands": [f"echo $$ > {tmp_path / 'pid'}; sleep 60"]}}}
    laboratory.aws.deploy(resources("slow", buildspec=slow), account=TOOLING)
    laboratory.push("slow", file="content")
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    laboratory.engine.stop()
    assert gone(pid)
