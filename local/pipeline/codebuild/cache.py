"""Folders that builds share by a key, as CodeBuild's cache with `cache.key` does.

An entry never changes once it exists. A build does not copy it: its paths become links into the entry, so a build must
treat them as read-only (our own does: nothing is installed while the lock files, and so the key, are the same).
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from local.pipeline.codebuild.buildspec import Cache
from local.pipeline.errors import UnsupportedError

_HASH_FILES = re.compile(r"\$\(codebuild-hash-files ([^()]*)\)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def resolve_key(key: str, root: Path, environment: Mapping[str, str]) -> str:
    """Put in the hashes of files under `root` and the variables. Raises UnsupportedError for any other `$(…)`."""
    hashed = _HASH_FILES.sub(lambda match: _hash_files(root, match[1].split()), key)
    if "$(" in hashed:
        raise UnsupportedError(f"buildspec cache key {key!r}: only $(codebuild-hash-files …)")
    return _VARIABLE.sub(lambda match: environment.get(match[1] or match[2], ""), hashed)


def _hash_files(root: Path, patterns: list[str]) -> str:
    digest = hashlib.sha256()
    for pattern in patterns:
        for file in sorted(f for f in root.glob(pattern.strip("'\"")) if f.is_file()):
            digest.update(str(file.relative_to(root)).encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def folder_of(path: str) -> str:
    """The folder that a cache path means. Raises UnsupportedError for anything but a folder of the source."""
    folder = re.sub(r"(/\*\*)?(/\*)?$", "", path).rstrip("/")
    if not folder or folder.startswith(("/", "~", "..")) or "*" in folder:
        raise UnsupportedError(f"buildspec cache path {path!r}: only folders of the source")
    return folder


class BuildCache:
    """Cache entries in one folder; `seed` is a checkout whose folders may become entries when its key is the same.

    `scope` is what shares entries: a cache namespace, or a single project.
    """

    def __init__(self, root: Path, *, seed: Path | None = None) -> None:
        self._root, self._seed = root, seed
        self._lock = threading.Lock()

    def restore(
        self, cache: Cache, scope: str, source: Path, environment: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        """Link the entry's folders into the source, if there is one or the seed can become one."""
        key = resolve_key(cache.key, source, environment)
        entry = self._entry(cache, scope, key)
        folders = [folder_of(path) for path in cache.paths]
        if not entry.is_dir() and self._seeds(cache, key, folders, environment):
            say("cache: taken from the checkout, whose lock files are the same")
            self._save(entry, {f: self._seed / f for f in folders if self._seed}, move=False)
        if not entry.is_dir():
            say(f"cache: nothing for key {key}")
            return
        for folder in folders:
            if (entry / folder).is_dir():
                _link(source / folder, entry / folder)
        say(f"cache: restored {', '.join(folders)}")

    def save(
        self, cache: Cache, scope: str, source: Path, environment: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        """Keep the folders after a successful build, unless the key has an entry already."""
        entry = self._entry(cache, scope, resolve_key(cache.key, source, environment))
        folders = {f: source / f for f in map(folder_of, cache.paths)}
        made = {f: path for f, path in folders.items() if path.is_dir() and not path.is_symlink()}
        if not made or entry.is_dir():
            return
        self._save(entry, made, move=True)
        for folder, path in made.items():
            if not path.exists():
                _link(path, entry / folder)  # scripts in .venv/bin name the path they were installed under
        say(f"cache: saved {', '.join(made)}")

    def _entry(self, cache: Cache, scope: str, key: str) -> Path:
        return self._root / hashlib.sha256("\0".join((scope, key, *cache.paths)).encode()).hexdigest()[:24]

    def _seeds(self, cache: Cache, key: str, folders: list[str], environment: Mapping[str, str]) -> bool:
        seed = self._seed
        return (
            seed is not None
            and all((seed / folder).is_dir() for folder in folders)
            and resolve_key(cache.key, seed, environment) == key
        )

    def _save(self, entry: Path, folders: Mapping[str, Path], *, move: bool) -> None:
        """Build the entry aside and rename it: no build ever sees half of one."""
        with self._lock:
            if entry.is_dir():
                return
            aside = self._root / f".{uuid.uuid4().hex}"
            for folder, path in folders.items():
                (aside / folder).parent.mkdir(parents=True, exist_ok=True)
                if move:
                    shutil.move(path, aside / folder)
                else:
                    shutil.copytree(path, aside / folder, symlinks=True, copy_function=_hard_link)
            aside.rename(entry)


def _hard_link(origin: str, copy: str) -> None:
    try:
        os.link(origin, copy, follow_symlinks=False)
    except OSError:  # another file system
        shutil.copy2(origin, copy, follow_symlinks=False)


def _link(link: Path, folder: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir() and not link.is_symlink():
        return  # the commit brings this folder itself
    link.symlink_to(folder, target_is_directory=True)
