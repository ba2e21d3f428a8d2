from __future__ import annotations

from pathlib import Path

import pytest

from local.pipeline.codebuild.buildspec import Cache
from local.pipeline.codebuild.cache import BuildCache, folder_of, resolve_key
from local.pipeline.errors import UnsupportedError

CACHE = Cache(key="setup-$(codebuild-hash-files lock.txt other.txt)-$SIDE", paths=(".venv/**/*", "build/layer/**/*"))
ENVIRONMENT = {"SIDE": "left"}


def source(directory: Path, *, lock: str = "1", folders: bool = False) -> Path:
    directory.mkdir()
    (directory / "lock.txt").write_text(lock)
    if folders:
        for folder in (".venv/bin", "build/layer"):
            (directory / folder).mkdir(parents=True)
            (directory / folder / "made").write_text("here")
    return directory


def build(cache: BuildCache, directory: Path, *, scope: str = "shared", make: bool = True) -> list[str]:
    """One build: restore, make what is missing, save. Returns what was said."""
    said: list[str] = []
    cache.restore(CACHE, scope, directory, ENVIRONMENT, said.append)
    if make:
        for folder in (".venv", "build/layer"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
            (directory / folder / "made").write_text(directory.name)
        cache.save(CACHE, scope, directory, ENVIRONMENT, said.append)
    return said


def test_the_second_build_finds_what_the_first_one_made(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path / "cache")
    build(cache, source(tmp_path / "one"))
    second = source(tmp_path / "two")
    build(cache, second, make=False)
    assert (second / ".venv/made").read_text() == "one"
    assert (second / "build/layer/made").read_text() == "one"


def test_the_paths_of_the_build_that_made_an_entry_stay_good(tmp_path: Path) -> None:
    first = source(tmp_path / "one")
    build(BuildCache(tmp_path / "cache"), first)
    assert (first / ".venv/made").read_text() == "one"


@pytest.mark.parametrize(("lock", "scope"), [("2", "shared"), ("1", "another project")])
def test_another_key_or_scope_finds_nothing(tmp_path: Path, lock: str, scope: str) -> None:
    cache = BuildCache(tmp_path / "cache")
    build(cache, source(tmp_path / "one"))
    second = source(tmp_path / "two", lock=lock)
    build(cache, second, scope=scope, make=False)
    assert not (second / ".venv").exists()


def test_a_checkout_with_the_same_locks_seeds_the_cache_by_copies_of_its_own(tmp_path: Path) -> None:
    seed = source(tmp_path / "checkout", folders=True)
    first = source(tmp_path / "one")
    said = build(BuildCache(tmp_path / "cache", seed=seed), first, make=False)
    assert (first / ".venv/bin/made").read_text() == "here"
    assert "taken from the checkout" in said[0]
    (first / ".venv/bin/made").unlink()
    assert (seed / ".venv/bin/made").read_text() == "here"


@pytest.mark.parametrize(("lock", "folders"), [("2", True), ("1", False)])
def test_a_checkout_with_other_locks_or_without_the_folders_seeds_nothing(
    tmp_path: Path, lock: str, folders: bool
) -> None:
    seed = source(tmp_path / "checkout", lock=lock, folders=folders)
    first = source(tmp_path / "one")
    build(BuildCache(tmp_path / "cache", seed=seed), first, make=False)
    assert not (first / ".venv").exists()


def test_a_folder_that_the_commit_brings_is_not_replaced(tmp_path: Path) -> None:
    cache = BuildCache(tmp_path / "cache")
    build(cache, source(tmp_path / "one"))
    second = source(tmp_path / "two", folders=True)
    build(cache, second, make=False)
    assert (second / ".venv/bin/made").read_text() == "here"


def test_the_key_follows_the_files_and_the_variables(tmp_path: Path) -> None:
    one, two = source(tmp_path / "one"), source(tmp_path / "two", lock="2")
    key = resolve_key(CACHE.key, one, ENVIRONMENT)
    assert key.startswith("setup-")
    assert key.endswith("-left")
    assert key == resolve_key(CACHE.key, one, ENVIRONMENT)
    assert key != resolve_key(CACHE.key, two, ENVIRONMENT)
    (one / "other.txt").write_text("")
    assert key != resolve_key(CACHE.key, one, ENVIRONMENT)


def test_other_commands_in_a_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="date"):
        resolve_key("k-$(date)", tmp_path, {})


@pytest.mark.parametrize(
    ("path", "folder"), [(".venv", ".venv"), ("node_modules/**/*", "node_modules"), ("a/b/*", "a/b"), ("a/", "a")]
)
def test_a_path_means_a_folder(path: str, folder: str) -> None:
    assert folder_of(path) == folder


@pytest.mark.parametrize("path", ["/var/cache/npm/**/*", "~/.cache", "../x", "a/*.txt", "*"])
def test_paths_outside_of_the_source_are_refused(path: str) -> None:
    with pytest.raises(UnsupportedError):
        folder_of(path)
