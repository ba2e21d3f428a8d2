"""Branches on the embedded AWS: a pushed branch stands for its pull request, a deleted one for the closed request."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.assembly import BRANCHES_STACK, Assembly, read_assembly
from local.aws import Endpoint
from local.bootstrap import CdkCli, bootstrap_account, deploy
from local.workspace import Workspace
from release.suffix import suffix_for

DOMAIN = "branches.example.com"


def push_event(checkout: Path, endpoint: Endpoint, *, branch: str, commit: str, closed: bool) -> list[str]:
    """Start the build that the webhook would start; returns the lines to tell whoever pushed.

    `commit` is the newest one, or the last one before the branch was deleted. Raises botocore's errors.
    """
    assembly = read_assembly(checkout / "cdk.out")
    prepare(Workspace(checkout=checkout), endpoint, assembly)
    event = "PULL_REQUEST_CLOSED" if closed else "PULL_REQUEST_UPDATED"
    variables = {"CODEBUILD_WEBHOOK_EVENT": event, "CODEBUILD_WEBHOOK_TRIGGER": f"branch/{branch}"}
    build = (
        endpoint.session(assembly.branches_account)
        .client("codebuild")
        .start_build(
            projectName=BRANCHES_STACK,
            sourceVersion=commit,
            environmentVariablesOverride=[{"name": name, "value": value} for name, value in variables.items()],
        )
    )
    suffix = suffix_for(f"refs/heads/{branch}")
    log = Workspace(checkout=checkout).pipeline_work / "builds" / build["build"]["id"][-36:] / "log.txt"
    return [f"environment {suffix} is being {'removed' if closed else 'made'}: build log {log}"]


def environments(endpoint: Endpoint, assembly: Assembly) -> list[dict[str, Any]]:
    """The records of all branches; none while nobody has pushed one."""
    client = endpoint.session(assembly.branches_account).client("dynamodb")
    try:
        items = client.scan(TableName=BRANCHES_STACK)["Items"]
    except client.exceptions.ResourceNotFoundException:
        return []
    return [{name: next(iter(value.values())) for name, value in item.items()} for item in items]


def prepare(workspace: Workspace, endpoint: Endpoint, assembly: Assembly) -> None:
    """Bootstrap the account and deploy what builds branches; does nothing where that is done. Raises BootstrapError."""
    account = assembly.branches_account
    session = endpoint.session(account)
    with _alone(workspace.root / "branches.lock"):
        if session.client("codebuild").batch_get_projects(names=[BRANCHES_STACK])["projects"]:
            return
        _seed(session)
        cli = CdkCli(checkout=workspace.checkout, endpoint=endpoint, home=workspace.cli_home)
        bootstrap_account(cli, account, assembly)
        # Not through the tooling account: what limits branches is the administrator's of their own one.
        deploy(cli, assembly, BRANCHES_STACK, account=account)


def _seed(session: Any) -> None:
    """What an operator brings once: a wildcard certificate with its domain, and a token for GitHub."""
    certificate = session.client("acm").request_certificate(DomainName=f"*.{DOMAIN}")["CertificateArn"]
    parameters = session.client("ssm")
    for name, value in (("certificate-arn", certificate), ("domain-name", DOMAIN)):
        parameters.put_parameter(Name=f"/{BRANCHES_STACK}/edge/{name}", Value=value, Type="String", Overwrite=True)
    session.client("secretsmanager").create_secret(
        Name=f"{BRANCHES_STACK}/github-token", SecretString=json.dumps("no GitHub is asked for a branch")
    )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
