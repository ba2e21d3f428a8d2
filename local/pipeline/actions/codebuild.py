"""A CodeBuild action: the project's buildspec as a child process, with the project's role and environment."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.pipeline.actions.context import ActionContext, ActionResult
from local.pipeline.artifacts import pack, unpack
from local.pipeline.aws import AwsSession
from local.pipeline.codebuild import environment, script
from local.pipeline.codebuild.buildspec import Buildspec, parse_buildspec
from local.pipeline.codebuild.environment import Directories
from local.pipeline.codebuild.logs import BuildLog, CloudWatchLog, FileLog
from local.pipeline.codebuild.outputs import collect
from local.pipeline.codebuild.process import Outcome, run_process
from local.pipeline.errors import AbandonedError, ActionFailedError

LAST_LINES = 12
DEFAULT_MINUTES = 60


@dataclass(frozen=True, kw_only=True)
class Build:
    """One build under way: its record at CodeBuild, its role's session, its folders."""

    id: str
    arn: str
    number: int
    project: Mapping[str, Any]
    session: AwsSession
    directories: Directories
    log: BuildLog


def run(context: ActionContext) -> ActionResult:
    """Run the build and store its outputs. Raises ActionFailedError with the failing command and the log's place."""
    build = _start(context)
    ledger, clock = context.ports.builds, context.ports.clock
    status = "FAULT"
    ledger.begin(build.id, at=clock.now(), initiator=f"codepipeline/{context.execution.key.name}")
    try:
        variables = _build(context, build)
        status = "SUCCEEDED"
    except AbandonedError:
        status = "STOPPED"
        raise
    except ActionFailedError as error:
        status = "TIMED_OUT" if error.code == "TimeoutError" else "FAILED"
        raise
    finally:
        build.log.close()
        ledger.end(build.id, at=clock.now(), status=status, phases=script.read_phases(build.directories.state))
    return ActionResult(variables=variables)


def _start(context: ActionContext) -> Build:
    """Start the build as the action's role; the project is read now, since self-mutation may just have changed it."""
    name = context.action.configuration["ProjectName"]
    projects = context.account_session.client("codebuild").batch_get_projects(names=[name])["projects"]
    if not projects:
        raise ActionFailedError(f"there is no CodeBuild project {name}", code="ConfigurationError")
    token = uuid.uuid4().hex
    context.ports.builds.expect(token)
    record = context.session.client("codebuild").start_build(projectName=name, idempotencyToken=token)["build"]
    directories = Directories(root=context.directory)
    for folder in (directories.source, directories.home, directories.temporary, directories.state):
        folder.mkdir(parents=True)
    # npm walks up to the next package.json and would edit what it finds there
    (directories.root / "package.json").write_text("{}\n")
    log_file = directories.root / "log.txt"
    context.report(external_id=record["id"], external_url=log_file.as_uri())
    role = projects[0]["serviceRole"]
    return Build(
        id=record["id"],
        arn=record["arn"],
        number=int(record.get("buildNumber", 1)),
        project=projects[0],
        session=context.account_session.assume(role, f"AWSCodeBuild-{record['id'].rpartition(':')[2]}"),
        directories=directories,
        log=BuildLog([FileLog(log_file)]),
    )


def _build(context: ActionContext, build: Build) -> dict[str, str]:
    """Prepare, run, hand on; returns the exported variables."""
    attach_cloudwatch(build)
    primary = _unpack_inputs(context, build)
    spec = buildspec_of(build)
    values = _environment(context, build, spec, primary)
    caches, scope = context.ports.cache, cache_scope(build.project)
    if spec.cache and scope:
        caches.restore(spec.cache, scope, build.directories.source, values, build.log.say)
    elif spec.cache:
        build.log.say("cache: the buildspec names paths, but the project has no cache")
    outcome = _execute(context, build, spec, values)
    check(build, outcome)
    if spec.cache and scope:
        caches.save(spec.cache, scope, build.directories.source, values, build.log.say)
    _store_outputs(context, build, spec)
    final = script.read_environment(build.directories.state)
    return {name: final.get(name, "") for name in spec.exported}


def cache_scope(project: Mapping[str, Any]) -> str:
    """Who shares the project's cache: its namespace, else the project alone; empty when it has none."""
    cache = project.get("cache") or {}
    if cache.get("type", "NO_CACHE") == "NO_CACHE":
        return ""
    return str(cache.get("cacheNamespace") or project["name"])


def attach_cloudwatch(build: Build) -> None:
    logs = (build.project.get("logsConfig") or {}).get("cloudWatchLogs") or {}
    if logs.get("status", "ENABLED") == "DISABLED":
        return
    name, _, build_uuid = build.id.rpartition(":")
    stream = "/".join(part for part in (logs.get("streamName"), build_uuid) if part)
    group = logs.get("groupName") or f"/aws/codebuild/{name}"
    build.log.add(CloudWatchLog(build.session, group=group, stream=stream, report=build.log.write))


def _unpack_inputs(context: ActionContext, build: Build) -> str:
    """Unpack every input artifact with the build's own role; returns the primary one's name."""
    inputs = context.action.inputs
    primary = context.action.configuration.get("PrimarySource") or inputs[0]
    for name in inputs:
        target = build.directories.source if name == primary else build.directories.secondary(name)
        with context.artifacts.open(build.session, name) as archive:
            unpack(archive, target)
    return primary


def buildspec_of(build: Build) -> Buildspec:
    """The project's buildspec: inline, or a file of the primary source."""
    text = str(build.project["source"].get("buildspec") or "buildspec.yml")
    inline = "\n" in text or text.lstrip().startswith("{")
    if not inline:
        file = build.directories.source / text
        if not file.is_file():
            raise ActionFailedError(f"the primary source has no buildspec {text}", code="ConfigurationError")
        text = file.read_text()
    return parse_buildspec(text)


def _environment(context: ActionContext, build: Build, spec: Buildspec, primary: str) -> dict[str, str]:
    override = context.action.configuration.get("EnvironmentVariables", "")
    values, secrets = environment.resolve(environment.layers(spec, build.project, override), build.session)
    build.log.mask(secrets)
    settings = context.ports.settings
    machine = environment.machine_environment(
        context.ports.machine,
        directories=build.directories,
        path=settings.path,
        npm_prefix=build.directories.root / "npm",
        image={
            "AWS_ENDPOINT_URL": build.session.endpoint,
            "AWS_ENDPOINT_URL_EXECUTE_API": build.session.endpoint,
            **settings.build_environment,
        },
    )
    return {
        **machine,
        **_codebuild_variables(context, build, primary),
        **values,
        **build.session.credentials.environment(),
    }


def _codebuild_variables(context: ActionContext, build: Build, primary: str) -> dict[str, str]:
    key, directories = context.execution.key, build.directories
    secondary = {f"CODEBUILD_SRC_DIR_{n}": str(directories.secondary(n)) for n in context.action.inputs if n != primary}
    return {
        "CI": "true",
        "CODEBUILD_CI": "true",
        "CODEBUILD_BUILD_ID": build.id,
        "CODEBUILD_BUILD_ARN": build.arn,
        "CODEBUILD_BUILD_NUMBER": str(build.number),
        "CODEBUILD_BUILD_IMAGE": str(build.project["environment"].get("image", "")),
        "CODEBUILD_INITIATOR": f"codepipeline/{key.name}",
        "CODEBUILD_KMS_KEY_ID": str(build.project.get("encryptionKey", "")),
        "CODEBUILD_PROJECT_ARN": str(build.project["arn"]),
        "CODEBUILD_RESOLVED_SOURCE_VERSION": context.commit_id(),
        "CODEBUILD_SOURCE_VERSION": context.artifacts.location(primary).arn,
        "CODEBUILD_SRC_DIR": str(directories.source),
        "CODEBUILD_START_TIME": str(int(context.ports.clock.now() * 1000)),
        "AWS_REGION": key.region,
        "AWS_DEFAULT_REGION": key.region,
        **secondary,
    }


def _execute(context: ActionContext, build: Build, spec: Buildspec, values: Mapping[str, str]) -> Outcome:
    program = build.directories.root / "build.sh"
    program.write_text(script.build_script(spec, build.directories.state))
    minutes = context.action.timeout_minutes or int(build.project.get("timeoutInMinutes") or DEFAULT_MINUTES)
    return run_process(
        ["bash", str(program)],
        directory=build.directories.source,
        environment=values,
        write_line=build.log.write,
        stop=context.abandoned.wait,
        timeout_seconds=minutes * 60,
    )


def check(build: Build, outcome: Outcome) -> None:
    if outcome.stopped:
        raise AbandonedError(f"build {build.id} was stopped")
    if outcome.timed_out:
        raise ActionFailedError(f"build {build.id} took too long", code="TimeoutError")
    if outcome.exit_code == 0:
        return
    failed = next((p for p in script.read_phases(build.directories.state) if p.status == "FAILED"), None)
    where = f"phase {failed.name}, {failed.reason}" if failed else f"exit status {outcome.exit_code}"
    file = build.directories.root / "log.txt"
    tail = "\n".join(file.read_text(errors="replace").splitlines()[-LAST_LINES:])
    raise ActionFailedError(f"build {build.id} failed: {where}\n{tail}\nlog: {file}")


def _store_outputs(context: ActionContext, build: Build, spec: Buildspec) -> None:
    for name in context.action.outputs:
        files = spec.secondary.get(name) or spec.artifacts
        if files is None:
            raise ActionFailedError(f"the buildspec has no artifacts for {name}", code="ConfigurationError")
        base, found = collect(build.directories.source, files)
        context.artifacts.put(build.session, name, pack(base, found))
