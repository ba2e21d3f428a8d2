"""Pushing branches as a developer does, and seeing what becomes of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.assembly import BRANCHES_STACK
from local.branches import environments, prepare
from local.cloud import Cloud
from local.merchant import Merchant
from release.suffix import suffix_for
from tests.e2e.inventory import Inventory, inventory

DEADLINE_SECONDS = 900.0
PROJECT, JANITOR = BRANCHES_STACK, f"{BRANCHES_STACK}-janitor"
# Its version changes with it, and nothing else does.
CHANGED = Path("lambda_src/fraud_detection/__init__.py")


@dataclass(frozen=True, kw_only=True)
class Branches:
    """A developer's clone of the remote, and the account in which branches have their environments."""

    cloud: Cloud
    clone: Path

    @classmethod
    def of(cls, cloud: Cloud, folder: Path) -> Branches:
        """Prepare the account and clone the commit that the cloud was made from."""
        clone = folder / "clone"
        _git(folder, "clone", "--quiet", "--no-checkout", str(cloud.workspace.repository), str(clone))
        _git(clone, "checkout", "--quiet", "--detach", cloud.head)
        branches = cls(cloud=cloud, clone=clone)
        prepare(cloud.workspace, cloud.endpoint, cloud.assembly)
        Merchant(endpoint=cloud.endpoint, account=cloud.assembly.branches_account, api_url="")  # makes its role
        branches._cut_the_checks_short()
        return branches

    def inventory(self) -> Inventory:
        return inventory(self.session())

    def session(self) -> Any:
        return self.cloud.endpoint.session(self.cloud.assembly.branches_account)

    def commit(self, words: str) -> str:
        """A commit on top of the newest one that changes a deployed function."""
        with (self.clone / CHANGED).open("a") as file:
            file.write(f"\n# {words}\n")
        return self._commit(words)

    def push(self, *refspecs: str) -> str:
        """Push at once; returns what the remote said."""
        done = _git(self.clone, "push", "--force", "origin", *refspecs)
        return done.stderr

    def record(self, suffix: str) -> dict[str, Any] | None:
        found = environments(self.cloud.endpoint, self.cloud.assembly)
        return next((record for record in found if record["pk"] == suffix), None)

    def until_deployed(self, branch: str, commit: str) -> dict[str, Any]:
        """The environment's record when its build is over and it is at that commit."""
        suffix = suffix_for(f"refs/heads/{branch}")

        def deployed() -> dict[str, Any] | None:
            record = self.record(suffix)
            at = record is not None and record.get("commit_id") == commit and "holder" not in record
            return record if at else None

        found: dict[str, Any] = self.eventually(deployed, f"{branch} at {commit[:8]}")
        return found

    def until_gone(self, branch: str) -> None:
        suffix = suffix_for(f"refs/heads/{branch}")
        self.eventually(lambda: self.record(suffix) is None and not self.at_work(), f"no environment of {branch}")

    def merchant(self, record: dict[str, Any]) -> Merchant:
        account = self.cloud.assembly.branches_account
        return Merchant(endpoint=self.cloud.endpoint, account=account, api_url=str(record["api_url"]))

    def builds(self, project: str = PROJECT) -> list[dict[str, Any]]:
        """All builds of the project, as CodeBuild tells them."""
        client = self.session().client("codebuild")
        ids = client.list_builds_for_project(projectName=project)["ids"]
        return list(client.batch_get_builds(ids=ids)["builds"]) if ids else []

    def at_work(self) -> bool:
        return any(build["buildStatus"] == "IN_PROGRESS" for build in self.builds())

    def log(self, build: dict[str, Any]) -> str:
        file: Path = self.cloud.workspace.pipeline_work / "builds" / str(build["id"])[-36:] / "log.txt"
        return file.read_text(errors="replace") if file.exists() else ""

    def log_of(self, commit: str) -> str:
        """Of the newest build of that commit."""
        builds = [build for build in self.builds() if build.get("sourceVersion") == commit]
        return self.log(max(builds, key=lambda build: float(build["startTime"].timestamp()))) if builds else ""

    def sweep(self) -> str:
        """Run the janitor as its schedule does; returns its log."""
        started = self.session().client("codebuild").start_build(projectName=JANITOR)["build"]

        def ended() -> dict[str, Any] | None:
            return next((b for b in self.builds(JANITOR) if b["id"] == started["id"] and b["buildComplete"]), None)

        build = self.eventually(ended, "the janitor's end")
        assert build["buildStatus"] == "SUCCEEDED", self.log(build)[-2000:]
        return self.log(build)

    def by_hand(self, command: str, *arguments: str) -> str:
        """A command of the account's administrator; returns what it printed."""
        account, workspace = self.cloud.assembly.branches_account, self.cloud.workspace
        environment = self.cloud.endpoint.environment(account, home=workspace.cli_home)
        return subprocess.run(
            [sys.executable, "-m", "branches", command, *arguments],
            cwd=workspace.checkout,
            env=environment | {"CODEBUILD_SOURCE_REPO_URL": str(workspace.repository)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def eventually(self, look: Callable[[], Any], what: str) -> Any:
        """The first true answer; fails at once when a build has failed, with the end of its log."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (found := look()):
            failed = [build for build in self.builds() if build["buildStatus"] in {"FAILED", "FAULT", "TIMED_OUT"}]
            assert not failed, f"{what}: a build has failed\n{self.log(failed[0])[-3000:]}"
            assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_SECONDS} s"
            time.sleep(0.5)
        return found

    def _cut_the_checks_short(self) -> None:
        """`make check` has run on this very commit, or runs around this test."""
        makefile = self.clone / "Makefile"
        lines = makefile.read_text().splitlines(keepends=True)
        cut = ["check: setup\n" if line.startswith("check:") else line for line in lines]
        assert cut != lines
        makefile.write_text("".join(cut))
        self._commit("Cut the checks short")

    def _commit(self, words: str) -> str:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
        _git(self.clone, *who, "commit", "--quiet", "--all", "--message", words)
        return _git(self.clone, "rev-parse", "HEAD").stdout.strip()


def pay(merchant: Merchant, customer: str) -> str:
    """Open the customer, pay, and return the payment's id."""
    opened = merchant.open_customer(customer)
    assert opened.status == 200, opened
    paid = merchant.pay(customer, 1099)
    assert (paid.status, paid.body["status"]) == (201, "authorized"), json.dumps(paid.body)
    return str(paid.body["payment_id"])


def _git(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(directory), *arguments], check=True, capture_output=True, text=True)
