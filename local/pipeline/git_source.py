"""The commits that a pipeline's source action sees: a bare repository on this machine stands for the connection."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from local.pipeline.errors import ActionFailedError


@dataclass(frozen=True, kw_only=True)
class Commit:
    id: str
    subject: str
    author_date: str


class GitSource(Protocol):
    def head(self, branch: str) -> str:
        """The branch's newest commit id; empty when there is no such branch."""
        ...

    def commit(self, revision: str) -> Commit:
        """Raises ActionFailedError when the repository has no such commit."""
        ...

    def archive(self, commit_id: str) -> bytes:
        """A zip of the commit's files, without history."""
        ...


class BareRepository:
    """A bare git repository, read with the git command."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def head(self, branch: str) -> str:
        try:
            return self._git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}").decode().strip()
        except ActionFailedError:
            return ""

    def commit(self, revision: str) -> Commit:
        out = self._git("show", "--no-patch", "--format=%H%x00%s%x00%aI", f"{revision}^{{commit}}", "--").decode()
        commit_id, subject, date = out.strip().split("\0")
        return Commit(id=commit_id, subject=subject, author_date=date)

    def archive(self, commit_id: str) -> bytes:
        return self._git("archive", "--format=zip", "-1", commit_id)

    def _git(self, *arguments: str) -> bytes:
        command = ["git", "--git-dir", str(self._path), *arguments]
        done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
            raise ActionFailedError(f"git {arguments[0]} in {self._path.name}: {reason}", code="ConfigurationError")
        return done.stdout
