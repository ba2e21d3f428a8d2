"""Whether a branch or a pull request is still open, and at which commit: asked anew each time, never remembered."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import requests

from branches.errors import BranchError

GITHUB_API: Final = "https://api.github.com"
_TIMEOUT_SECONDS: Final = 20.0
COMMENT_MARKER: Final = "<!-- payment-environment -->"


class Repository(Protocol):
    def head(self, ref: str) -> str | None:
        """The newest commit of `pr/12` or `branch/my-branch`; None when it is closed or deleted."""
        ...

    def tell(self, ref: str, commit: str, *, succeeded: bool, text: str) -> None:
        """Show the outcome where people look at the change. `text` is Markdown."""
        ...


@dataclass(frozen=True, kw_only=True)
class GitRepository:
    """Branches without pull requests: `git ls-remote` says what is there, the build's log what became of it."""

    url: str

    def head(self, ref: str) -> str | None:
        branch = f"refs/heads/{ref.removeprefix('branch/')}"
        done = subprocess.run(
            ["git", "ls-remote", "--exit-code", self.url, branch],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
        if done.returncode == 2:
            return None
        if done.returncode != 0:
            raise BranchError(f"git ls-remote of {branch}: {done.stderr.strip()}")
        return done.stdout.split()[0]

    def tell(self, ref: str, commit: str, *, succeeded: bool, text: str) -> None:
        """The report is in the build's log and its artefact already."""


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """Pull requests of one repository, `owner/name`. The token reads pull requests and writes comments and statuses."""

    repository: str
    token: str
    api: str = GITHUB_API

    def head(self, ref: str) -> str | None:
        found = self._call("GET", f"/pulls/{_number(ref)}")
        return str(found["head"]["sha"]) if found["state"] == "open" else None

    def tell(self, ref: str, commit: str, *, succeeded: bool, text: str) -> None:
        """One comment per pull request, rewritten at each push, and a status on the commit."""
        body = {"body": f"{COMMENT_MARKER}\n{text}"}
        comments = self._call("GET", f"/issues/{_number(ref)}/comments?per_page=100")
        mine = next((c["id"] for c in comments if COMMENT_MARKER in c["body"]), None)
        if mine is None:
            self._call("POST", f"/issues/{_number(ref)}/comments", body)
        else:
            self._call("PATCH", f"/issues/comments/{mine}", body)
        state = {"state": "success" if succeeded else "failure", "context": "environment"}
        self._call("POST", f"/statuses/{commit}", state)

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        answer = requests.request(
            method,
            f"{self.api}/repos/{self.repository}{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"},
            timeout=_TIMEOUT_SECONDS,
        )
        if not answer.ok:
            raise BranchError(f"GitHub answers {answer.status_code} to {method} {path}")
        return answer.json()


def _number(ref: str) -> str:
    return ref.removeprefix("pr/")
