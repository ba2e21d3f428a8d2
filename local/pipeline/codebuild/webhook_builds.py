"""Builds that a webhook, a rule or a person starts: their source is a commit of the repository itself."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.pipeline.actions.codebuild import (
    DEFAULT_MINUTES,
    Build,
    attach_cloudwatch,
    buildspec_of,
    cache_scope,
    check,
)
from local.pipeline.actions.context import Ports
from local.pipeline.artifacts import unpack
from local.pipeline.codebuild import environment, script
from local.pipeline.codebuild.buildspec import Buildspec
from local.pipeline.codebuild.environment import Directories
from local.pipeline.codebuild.logs import BuildLog, FileLog
from local.pipeline.codebuild.process import run_process
from local.pipeline.errors import AbandonedError, ActionFailedError

DEFAULT_QUEUED_MINUTES = 480


@dataclass(frozen=True, kw_only=True)
class StartedBuild:
    """What StartBuild answered, and the variables that it was given over those of the project."""

    account: str
    region: str
    record: Mapping[str, Any]
    overrides: Iterable[Mapping[str, str]]

    @property
    def project(self) -> str:
        return str(self.record["projectName"])


@dataclass(kw_only=True)
class WebhookBuilds:
    """Runs them in threads of the engine, at most as many of one project at once as the project allows."""

    ports: Ports
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _places: dict[tuple[str, str], threading.Semaphore] = field(default_factory=dict)

    def start(self, started: StartedBuild) -> None:
        # Here and not in the thread: who asks right after StartBuild is told that it runs.
        self.ports.builds.begin(str(started.record["id"]), at=self.ports.clock.now(), initiator="webhook")
        threading.Thread(target=self._run, args=(started,), name=str(started.record["id"]), daemon=True).start()

    def shut_down(self) -> None:
        """End every build's processes."""
        self._ended.set()

    def _run(self, started: StartedBuild) -> None:
        ledger, clock, build_id = self.ports.builds, self.ports.clock, str(started.record["id"])
        status, directories = "FAULT", Directories(root=self.ports.settings.work_dir / "builds" / build_id[-36:])
        session = self.ports.account_session(started.account, started.region)
        project = session.client("codebuild").batch_get_projects(names=[started.project])["projects"][0]
        place = self._place(started, int(project.get("concurrentBuildLimit") or 1000))
        queued = int(project.get("queuedTimeoutInMinutes") or DEFAULT_QUEUED_MINUTES)
        if not place.acquire(timeout=queued * 60):
            ledger.end(build_id, at=clock.now(), status="TIMED_OUT", phases=())
            return
        try:
            self._build(started, project, directories)
            status = "SUCCEEDED"
        except AbandonedError:
            status = "STOPPED"
        except ActionFailedError as error:
            status = "TIMED_OUT" if error.code == "TimeoutError" else "FAILED"
        finally:
            place.release()
            ledger.end(build_id, at=clock.now(), status=status, phases=script.read_phases(directories.state))

    def _place(self, started: StartedBuild, limit: int) -> threading.Semaphore:
        with self._lock:
            return self._places.setdefault((started.account, started.project), threading.Semaphore(limit))

    def _build(self, started: StartedBuild, project: Mapping[str, Any], directories: Directories) -> None:
        for folder in (directories.source, directories.home, directories.temporary, directories.state):
            folder.mkdir(parents=True)
        (directories.root / "package.json").write_text("{}\n")
        commit = self.ports.git.commit(_source_version(started, project)).id
        with zipfile.ZipFile(io.BytesIO(self.ports.git.archive(commit))) as archive:
            unpack(archive, directories.source)
        session = self.ports.account_session(started.account, started.region)
        build = Build(
            id=str(started.record["id"]),
            arn=str(started.record["arn"]),
            number=int(started.record.get("buildNumber", 1)),
            project=project,
            session=session.assume(project["serviceRole"], f"AWSCodeBuild-{str(started.record['id'])[-36:]}"),
            directories=directories,
            log=BuildLog([FileLog(directories.root / "log.txt")]),
        )
        try:
            self._execute(started, build, commit)
        finally:
            build.log.close()

    def _execute(self, started: StartedBuild, build: Build, commit: str) -> None:
        attach_cloudwatch(build)
        spec = buildspec_of(build)
        values = self._environment(started, build, spec, commit)
        scope, source, caches = cache_scope(build.project), build.directories.source, self.ports.cache
        if spec.cache and scope:
            caches.restore(spec.cache, scope, source, values, build.log.say)
        program = build.directories.root / "build.sh"
        program.write_text(script.build_script(spec, build.directories.state))
        outcome = run_process(
            ["bash", str(program)],
            directory=source,
            environment=values,
            write_line=build.log.write,
            stop=self._ended.wait,
            timeout_seconds=int(build.project.get("timeoutInMinutes") or DEFAULT_MINUTES) * 60,
        )
        check(build, outcome)
        if spec.cache and scope:
            caches.save(spec.cache, scope, source, values, build.log.say)

    def _environment(self, started: StartedBuild, build: Build, spec: Buildspec, commit: str) -> dict[str, str]:
        settings = self.ports.settings
        values, secrets = environment.resolve(environment.layers(spec, build.project, ""), build.session)
        build.log.mask(secrets)
        machine = environment.machine_environment(
            self.ports.machine,
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
            "CI": "true",
            "CODEBUILD_CI": "true",
            "CODEBUILD_BUILD_ID": build.id,
            "CODEBUILD_BUILD_ARN": build.arn,
            "CODEBUILD_BUILD_NUMBER": str(build.number),
            "CODEBUILD_PROJECT_ARN": str(build.project["arn"]),
            "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
            "CODEBUILD_SOURCE_VERSION": _source_version(started, build.project),
            # The bare repository stands for the connection, here as in a pipeline's source action.
            "CODEBUILD_SOURCE_REPO_URL": str(settings.repository),
            "CODEBUILD_SRC_DIR": str(build.directories.source),
            "AWS_REGION": started.region,
            "AWS_DEFAULT_REGION": started.region,
            **values,
            **{item["name"]: item["value"] for item in started.overrides},
            **build.session.credentials.environment(),
        }


def _source_version(started: StartedBuild, project: Mapping[str, Any]) -> str:
    """What StartBuild asks for, else what the project says."""
    return str(started.record.get("sourceVersion") or project["sourceVersion"])
