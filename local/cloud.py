"""The embedded AWS with the application's accounts and pipeline in it: started, used, ended."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import child
from local.assembly import PIPELINE_STACK, Assembly, read_assembly
from local.aws import Endpoint
from local.bootstrap import CdkCli, bootstrap_accounts, deploy_pipeline
from local.engine.launcher import Engine
from local.git_remote import GitRemote
from local.pipeline.settings import PipelineSettings
from local.prerequisites import seed
from local.process import describe
from local.progress import Progress
from local.workspace import Workspace

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient

# Releases watch their alarms for minutes; here one minute passes in about a second.
CLOCK_FACTOR = "0.02"


class NotACheckoutError(Exception):
    """There is no commit to push."""


@dataclass(kw_only=True)
class Cloud:
    """A running embedded AWS and what is known of it."""

    workspace: Workspace
    assembly: Assembly
    endpoint: Endpoint
    head: str
    pipeline: str = PIPELINE_STACK

    @property
    def logs_directory(self) -> Path:
        return self.workspace.pipeline_work / "executions"

    def codepipeline(self) -> CodePipelineClient:
        return self.endpoint.session(self.assembly.tooling_account).client("codepipeline")

    def push_head(self) -> None:
        """Push the checkout's commit to main. Raises CalledProcessError."""
        _git(
            self.workspace.checkout,
            "push",
            "--quiet",
            "--force",
            str(self.workspace.repository),
            f"{self.head}:refs/heads/main",
        )

    def clone(self) -> Path:
        """A fresh clone of the remote, to commit a change in without touching the checkout."""
        clone = self.workspace.root / "clone"
        if clone.exists():
            shutil.rmtree(clone)
        _git(self.workspace.root, "clone", "--quiet", "--branch", "main", str(self.workspace.repository), str(clone))
        return clone

    def outputs_file(self, suffix: str) -> Path:
        return self.workspace.outputs / suffix / "flat-outputs.json"

    def outputs(self, suffix: str) -> dict[str, str]:
        """The environment's outputs, written by the same command that the pipeline uses. Raises CalledProcessError."""
        target = self.assembly.target(suffix)
        file = self.outputs_file(suffix)
        subprocess.run(
            [sys.executable, "-m", "release", "outputs", "--suffix", suffix, "--directory", str(file.parent)],
            cwd=self.workspace.checkout,
            env=self.endpoint.environment(target.account, home=self.workspace.cli_home),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        found: dict[str, str] = json.loads(file.read_text())
        return found

    def status(self, suffix: str) -> dict[str, Any]:
        """What `release status` says of the environment. Raises CalledProcessError."""
        done = subprocess.run(
            [sys.executable, "-m", "release", "status", "--suffix", suffix, "--json"],
            cwd=self.workspace.checkout,
            env=self.endpoint.environment(self.assembly.target(suffix).account, home=self.workspace.cli_home),
            check=True,
            capture_output=True,
            text=True,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextmanager
def running_cloud(checkout: Path, progress: Progress) -> Iterator[Cloud]:
    """Start everything up to a deployed pipeline; end it all when the block is left, however it is left."""
    head = head_commit(checkout)
    workspace = Workspace(checkout=checkout)
    workspace.renew()
    with progress.step("synthesize the application"):
        _make(checkout, "synth")
    assembly = read_assembly(checkout / "cdk.out")

    remote = GitRemote(path=workspace.repository, checkout=checkout)
    remote.create()
    _pipeline_settings(workspace, checkout).save(workspace.engine_state)
    progress.say("start the embedded AWS …")
    asked, node_modules = progress.elapsed(), checkout / "node_modules"
    with Engine(state_dir=workspace.engine_state, node_path=node_modules, on_part=progress.say) as engine:
        endpoint = Endpoint(url=engine.endpoint, region=assembly.region)
        progress.say(f"the embedded AWS answers at {endpoint.url}, after {progress.elapsed() - asked:.1f} s")
        workspace.running.write_text(
            json.dumps(
                {
                    "owner": describe(os.getpid()),
                    "engine": describe(engine.pid),
                    "endpoint": endpoint.url,
                    "repository": str(remote.path),
                }
            )
        )
        cloud = Cloud(workspace=workspace, assembly=assembly, endpoint=endpoint, head=head)
        try:
            _prepare_accounts(cloud, progress)
            progress.say(f"the embedded AWS holds {engine.memory_mb} MB")
            remote.announce(
                endpoint=endpoint.url,
                account=assembly.tooling_account,
                region=assembly.region,
                branches_account=assembly.branches_account,
            )
            yield cloud
            progress.say(f"the embedded AWS holds {engine.memory_mb} MB at the end")
        finally:
            remote.withdraw()
            workspace.running.unlink(missing_ok=True)


def _prepare_accounts(cloud: Cloud, progress: Progress) -> None:
    cli = CdkCli(checkout=cloud.workspace.checkout, endpoint=cloud.endpoint, home=cloud.workspace.cli_home)
    for target in cloud.assembly.targets:
        seed(cloud.endpoint.session(target.account), target)
    with progress.step(f"cdk bootstrap of {len(cloud.assembly.accounts)} accounts"):
        bootstrap_accounts(cli, cloud.assembly)
    with progress.step("deploy the access stacks and the pipeline"):
        deploy_pipeline(cli, cloud.assembly)


def _pipeline_settings(workspace: Workspace, checkout: Path) -> PipelineSettings:
    return PipelineSettings(
        repository=workspace.repository,
        work_dir=workspace.pipeline_work,
        cache_dir=workspace.build_cache,
        seed_checkout=checkout,
        path=os.environ["PATH"],
        build_environment={"RELEASE_CLOCK_FACTOR": CLOCK_FACTOR},
    )


def head_commit(checkout: Path) -> str:
    """The commit that will be pushed. Raises NotACheckoutError."""
    done = subprocess.run(
        ["git", "-C", str(checkout), "rev-parse", "--verify", "HEAD"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise NotACheckoutError(f"{checkout} has no git commit to push: clone the repository, or commit first")
    return done.stdout.strip()


def _git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(directory), *arguments], check=True)


def _make(checkout: Path, target: str) -> None:
    done = child.run(["make", "--directory", str(checkout), target], cwd=checkout)
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, done.args)
