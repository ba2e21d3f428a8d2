"""A bare git repository that one pushes to, as to the repository behind a CodeConnections connection.

Its post-receive hook starts the pipeline over the public API. A push is kept whatever the hook meets.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.assembly import AssemblyError
from local.aws import Endpoint
from local.bootstrap import BootstrapError
from local.branches import push_event

CHECKOUT = Path(__file__).resolve().parent.parent
ADDRESS_FILE = "embedded-aws.json"
NO_COMMIT = "0" * 40
HOOK = """#!/usr/bin/env python3
# Written by local/git_remote.py: tells the embedded AWS what was pushed.
import os

os.environ["PYTHONPATH"] = {checkout!r}
os.execv({python!r}, [{python!r}, "-m", "local.git_remote", {repository!r}])
"""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the pipelines are that a push may start."""

    endpoint: str
    account: str
    region: str
    branches_account: str = ""
    """Where branches have their environments; empty when they have none."""


class GitRemote:
    """The bare repository at `path`; `checkout` holds this package, which the hook runs."""

    def __init__(self, *, path: Path, checkout: Path, python: str = sys.executable) -> None:
        self.path, self._checkout, self._python = path.absolute(), checkout.absolute(), python

    def create(self) -> None:
        """Make the repository and its hook; does nothing to commits that are there already."""
        if not (self.path / "HEAD").exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            command = ["git", "init", "--quiet", "--bare", "--initial-branch=main", "--template=", str(self.path)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        hook = self.path / "hooks" / "post-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            HOOK.format(checkout=str(self._checkout), python=self._python, repository=str(self.path)), encoding="utf-8"
        )
        hook.chmod(0o755)

    def announce(self, *, endpoint: str, account: str, region: str, branches_account: str = "") -> None:
        """Tell the hook where the embedded AWS answers now."""
        address = Address(endpoint=endpoint, account=account, region=region, branches_account=branches_account)
        (self.path / ADDRESS_FILE).write_text(json.dumps(asdict(address)) + "\n")

    def withdraw(self) -> None:
        """The embedded AWS goes down: from now on pushes are kept and start nothing."""
        (self.path / ADDRESS_FILE).unlink(missing_ok=True)


def post_receive(repository: Path, updates: Iterable[str]) -> list[str]:
    """Start what the updated refs (`old new ref` each) ask for; returns the lines to tell whoever pushed."""
    pushed = [
        (ref.removeprefix("refs/heads/"), old, new)
        for old, new, ref in map(str.split, updates)
        if ref.startswith("refs/heads/")
    ]
    if not pushed:
        return []
    try:
        address = Address(**json.loads((repository / ADDRESS_FILE).read_text()))
    except FileNotFoundError:
        return [_down()]
    client = _client(address)
    try:
        return [line for branch, old, new in pushed for line in _start(client, address, branch, old, new)]
    except (BotoCoreError, ClientError) as error:
        return [_down(), str(error)] if isinstance(error, BotoCoreError) else [f"the pipeline did not start: {error}"]


def _start(client: Any, address: Address, branch: str, old: str, new: str) -> list[str]:
    lines, known = [], False
    for summary in client.list_pipelines()["pipelines"]:
        name = summary["name"]
        actions = _sources_of(client.get_pipeline(name=name)["pipeline"], branch)
        known = known or bool(actions)
        if actions and new != NO_COMMIT:
            revisions = [{"actionName": a, "revisionType": "COMMIT_ID", "revisionValue": new} for a in actions]
            started = client.start_pipeline_execution(name=name, sourceRevisions=revisions)
            lines.append(f"pipeline {name}: execution {started['pipelineExecutionId']} started at {new[:8]}")
    return lines if known else _branch_event(address, branch, old, new)


def _branch_event(address: Address, branch: str, old: str, new: str) -> list[str]:
    if not address.branches_account:
        return [f"no pipeline has branch {branch} as its source, and branches have no environments here"]
    closed = new == NO_COMMIT
    endpoint = Endpoint(url=address.endpoint, region=address.region)
    try:
        return push_event(CHECKOUT, endpoint, branch=branch, commit=old if closed else new, closed=closed)
    except (AssemblyError, BootstrapError) as error:
        return [f"branch {branch} gets no environment: {error}"]


def _sources_of(pipeline: dict[str, Any], branch: str) -> list[str]:
    """The source actions that a push to the branch starts: by the pipeline's triggers, else by change detection."""
    if "triggers" in pipeline:
        configured = [trigger["gitConfiguration"] for trigger in pipeline["triggers"]]
        pushes = [(git["sourceActionName"], push) for git in configured for push in git.get("push", ())]
        return [name for name, push in pushes if branch in push["branches"]["includes"]]
    actions = [action for stage in pipeline["stages"] for action in stage["actions"]]
    sources = [action for action in actions if action["actionTypeId"]["category"] == "Source"]
    return [action["name"] for action in sources if _detects(action["configuration"], branch)]


def _detects(configuration: dict[str, str], branch: str) -> bool:
    return configuration.get("BranchName") == branch and configuration.get("DetectChanges", "true") != "false"


def _client(address: Address) -> Any:
    return boto3.client(
        "codepipeline",
        endpoint_url=address.endpoint,
        region_name=address.region,
        aws_access_key_id=address.account,
        aws_secret_access_key="local",  # noqa: S106 - the embedded AWS takes an account id as its own root
        config=Config(connect_timeout=3, read_timeout=20, retries={"max_attempts": 1}, proxies={}),
    )


def _down() -> str:
    return "the embedded AWS does not answer: the push is kept, 'make up' starts the pipeline with it"


if __name__ == "__main__":
    for foreign in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[foreign]  # a profile of the pusher's real AWS has no say here
    sys.stdout.write("\n".join([*post_receive(Path(sys.argv[1]), sys.stdin), ""]))
