"""The real world of a build, from what CodeBuild says in environment variables."""

import functools
from collections.abc import Mapping, Sequence
from typing import Final

import boto3

from branches import commands, prerequisites
from branches.account import AwsAccount
from branches.build import Change, World
from branches.clock import SystemClock
from branches.cost import idle_cost
from branches.destroy import Removed, destroy
from branches.errors import BranchError
from branches.ports import Look, Say
from branches.records import Records
from branches.removal import holder_of
from branches.repository import GitHub, GitRepository, Repository
from branches.sweep import Round, present_suffixes

# GitHub allows 5,000 calls an hour; a `git ls-remote` costs next to nothing.
_LOOK_SECONDS: Final = {GitHub: 30.0, GitRepository: 2.0}


def from_webhook(variables: Mapping[str, str], *, region: str, say: Say) -> tuple[Change, World]:
    """Raises `BranchError` when this is no build that a webhook started."""
    try:
        ref = variables["CODEBUILD_WEBHOOK_TRIGGER"]
        commit, build = variables["CODEBUILD_RESOLVED_SOURCE_VERSION"], variables["CODEBUILD_BUILD_ID"]
    except KeyError as error:
        raise BranchError(f"this is no build of a webhook: {error} is not set") from error
    session = boto3.Session(region_name=region)
    account = session.client("sts").get_caller_identity()["Account"]
    change = Change(ref=ref, commit=commit, build=build, account=account)
    repository = repository_of(ref, variables)
    clock = SystemClock()
    tags = {"Project": "payment", "Environment": "pull-request", "EnvironmentSuffix": change.suffix}

    def run(command: Sequence[str], look: Look, environment: Mapping[str, str]) -> None:
        commands.run(command, look=look, look_seconds=_LOOK_SECONDS[type(repository)], environment=environment)

    return change, World(
        records=Records(session.client("dynamodb")),
        repository=repository,
        run=run,
        prepare=functools.partial(prerequisites.prepare, session, tags=tags),
        destroy=lambda suffix, held: destroy(AwsAccount(session, suffix), suffix, clock=clock, say=say, look=held),
        cost_per_day=lambda assembly: str(idle_cost(assembly)),
        clock=clock,
        say=say,
    )


def nightly(variables: Mapping[str, str], *, region: str, say: Say) -> Round:
    session, clock = boto3.Session(region_name=region), SystemClock()

    def remove(suffix: str, held: Look) -> Removed:
        # A session is its thread's alone.
        account = AwsAccount(boto3.Session(region_name=region), suffix)
        return destroy(account, suffix, clock=clock, say=say, look=held)

    return Round(
        records=Records(session.client("dynamodb")),
        present=lambda: present_suffixes(session),
        head=lambda ref: repository_of(ref, variables).head(ref),
        destroy=remove,
        holder=holder_of("janitor"),
        clock=clock,
        say=say,
    )


def repository_of(ref: str, variables: Mapping[str, str]) -> Repository:
    """GitHub for a pull request, plain git for a branch without one."""
    try:
        if ref.startswith("pr/"):
            return GitHub(repository=variables["REPOSITORY"], token=variables["GITHUB_TOKEN"])
        if ref.startswith("branch/"):
            return GitRepository(url=variables["CODEBUILD_SOURCE_REPO_URL"])
    except KeyError as error:
        raise BranchError(f"{ref} is asked of its repository, and {error.args[0]} is not set") from None
    raise BranchError(f"{ref} is neither a pull request nor a branch")
