"""Pushing with real git: the hook starts the pipeline of the branch, and never loses a push."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from local.git_remote import GitRemote
from local.pipeline.git_source import BareRepository
from tests.local_pipeline.cloud import ACCOUNT, REGION
from tests.local_pipeline.server import serving
from tests.local_pipeline.world import KEY, World, approval_action, definition, stage

# What a developer's shell may hold must not lead the hook astray.
DEVELOPER = {"AWS_PROFILE": "production", "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
CHECKOUT = Path(__file__).resolve().parents[2]
SHAPE = definition(stage("Prod", approval_action("Ask")))
TRIGGER = {
    "providerType": "CodeStarSourceConnection",
    "gitConfiguration": {"sourceActionName": "Push", "push": [{"branches": {"includes": ["release"]}}]},
}


def git(directory: Path, *arguments: str, **environment: str) -> str:
    identity = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", "-C", str(directory), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(directory), **identity, **environment},
    )
    return done.stdout + done.stderr


@pytest.fixture
def remote(tmp_path: Path) -> GitRemote:
    made = GitRemote(path=tmp_path / "remote.git", checkout=CHECKOUT)
    made.create()
    made.create()
    return made


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    directory = tmp_path / "clone"
    directory.mkdir()
    git(directory, "init", "--quiet", "--initial-branch=work")
    (directory / "file.txt").write_text("content")
    git(directory, "add", ".")
    git(directory, "commit", "--quiet", "-m", "First: with  spaces")
    return directory


def head(clone: Path) -> str:
    return git(clone, "rev-parse", "HEAD").strip()


def test_a_push_to_the_source_branch_starts_its_pipeline_with_that_commit(
    world: World, remote: GitRemote, clone: Path
) -> None:
    world.define(SHAPE)
    with serving(world) as endpoint:
        remote.announce(endpoint=endpoint, account=ACCOUNT, region=REGION)
        said = git(clone, "push", str(remote.path), "HEAD:main", **DEVELOPER)
    execution = world.store.of(KEY)[0]
    assert f"pipeline payments: execution {execution.id} started at {head(clone)[:8]}" in said
    assert execution.revisions["Push"].commit_id == head(clone)


@pytest.mark.parametrize(("branch", "starts"), [("main", 0), ("release", 1)])
def test_triggers_of_the_pipeline_decide_when_it_has_any(
    world: World, remote: GitRemote, clone: Path, branch: str, starts: int
) -> None:
    world.define({**SHAPE, "triggers": [TRIGGER]})
    with serving(world) as endpoint:
        remote.announce(endpoint=endpoint, account=ACCOUNT, region=REGION)
        git(clone, "push", str(remote.path), f"HEAD:{branch}")
    assert len(world.store.of(KEY)) == starts


def test_other_branches_are_kept_and_told_where_there_are_no_environments_for_them(
    world: World, remote: GitRemote, clone: Path
) -> None:
    world.define(SHAPE)
    with serving(world) as endpoint:
        remote.announce(endpoint=endpoint, account=ACCOUNT, region=REGION)
        said = git(clone, "push", str(remote.path), "HEAD:feature")
    assert "branches have no environments here" in said
    assert world.store.of(KEY) == []
    assert BareRepository(remote.path).head("feature") == head(clone)


@pytest.mark.parametrize("announced", [True, False])
def test_a_push_is_kept_when_the_engine_is_down(remote: GitRemote, clone: Path, announced: bool) -> None:
    if announced:
        remote.announce(endpoint="http://127.0.0.1:9", account=ACCOUNT, region=REGION)
    said = git(clone, "push", str(remote.path), "HEAD:main")
    assert "the push is kept" in said
    assert BareRepository(remote.path).head("main") == head(clone)


def test_withdrawing_silences_the_hook_and_deleting_a_branch_starts_nothing(
    world: World, remote: GitRemote, clone: Path
) -> None:
    world.define(SHAPE)
    with serving(world) as endpoint:
        remote.announce(endpoint=endpoint, account=ACCOUNT, region=REGION)
        remote.withdraw()
        assert "does not answer" in git(clone, "push", str(remote.path), "HEAD:main", "HEAD:old")
        remote.announce(endpoint=endpoint, account=ACCOUNT, region=REGION)
        git(clone, "push", str(remote.path), ":old")
    assert world.store.of(KEY) == []


def test_the_repository_is_a_source(remote: GitRemote, clone: Path) -> None:
    git(clone, "push", str(remote.path), "HEAD:main")
    source = BareRepository(remote.path)
    commit = source.commit(source.head("main"))
    assert (commit.id, commit.subject) == (head(clone), "First: with  spaces")
    assert source.archive(commit.id).startswith(b"PK")
