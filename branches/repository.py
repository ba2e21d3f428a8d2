"""Whether a branch or a pull request is still open, and at which commit: asked anew each time, never remembered."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from branches.errors import BranchError

GITHUB_API: Final = "https://api.github.com"
_TIMEOUT_SECONDS: Final = 20.0
_ATTEMPTS: Final = 6
_PAUSE_SECONDS: Final = 60
# What GitHub asks to try again; a call that was heard twice writes the same twice.
_PASSING: Final = (429, 500, 502, 503, 504)
COMMENT_MARKER: Final = "<!-- payment-environment -->"
STATUS_CONTEXT: Final = "environment"
# What GitHub accepts.
_DESCRIPTION_LENGTH: Final = 140


class Repository(Protocol):
    def head(self, ref: str) -> str | None:
        """The newest commit of `pr/12` or `branch/my-branch`; None when it is closed or deleted."""
        ...

    def announce(self, commit: str, *, words: str) -> None:
        """Show that something is under way for this commit. `words` are one line."""
        ...

    def tell(self, ref: str, commit: str, *, succeeded: bool, words: str, text: str) -> None:
        """Show the outcome where people look at the change: `words` are one line, `text` is Markdown."""
        ...


@dataclass(frozen=True, kw_only=True)
class GitRepository:
    """Branches without pull requests: `git ls-remote` says what is there, the build's log what became of it."""

    url: str

    def head(self, ref: str) -> str | None:
        branch = f"refs/heads/{ref.removeprefix('branch/')}"
        try:
            done = subprocess.run(
                ["git", "ls-remote", "--exit-code", self.url, branch],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=_TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise BranchError(f"git ls-remote of {branch}: no answer within {error.timeout} s") from None
        if done.returncode == 2:
            return None
        if done.returncode != 0:
            raise BranchError(f"git ls-remote of {branch}: {done.stderr.strip()}")
        return done.stdout.split()[0]

    def announce(self, commit: str, *, words: str) -> None:
        """The build's log says it already."""

    def tell(self, ref: str, commit: str, *, succeeded: bool, words: str, text: str) -> None:
        """The report is in the build's log and in its folder already."""


@dataclass(frozen=True, kw_only=True)
class GitHub:
    """Pull requests of one repository, `owner/name`. The token reads pull requests and writes comments and statuses.

    https://docs.github.com/en/rest/pulls/pulls, /rest/issues/comments and /rest/commits/statuses
    """

    repository: str
    token: str
    api: str = GITHUB_API
    backoff_seconds: float = 1.0
    """The pauses between attempts double from here: half a minute altogether."""

    def head(self, ref: str) -> str | None:
        found = self._call("GET", f"/pulls/{_number(ref)}")
        return str(found["head"]["sha"]) if found["state"] == "open" else None

    def announce(self, commit: str, *, words: str) -> None:
        self._status(commit, "pending", words)

    def tell(self, ref: str, commit: str, *, succeeded: bool, words: str, text: str) -> None:
        """One comment per pull request, rewritten at each push, and a status on the commit."""
        body = {"body": f"{COMMENT_MARKER}\n{text}"}
        comments = f"/issues/{_number(ref)}/comments"
        mine = next((c["id"] for c in self._listed(f"{comments}?per_page=100") if _is_mine(c)), None)
        if mine is None:
            self._call("POST", comments, body)
        else:
            self._call("PATCH", f"/issues/comments/{mine}", body)
        self._status(commit, "success" if succeeded else "failure", words)

    def _status(self, commit: str, state: str, words: str) -> None:
        status = {"state": state, "context": STATUS_CONTEXT, "description": words[:_DESCRIPTION_LENGTH]}
        self._call("POST", f"/statuses/{commit}", status)

    def _listed(self, path: str) -> Iterator[dict[str, Any]]:
        """All pages of a list."""
        url: str | None = self._url(path)
        while url:
            answer = self._answer("GET", url)
            yield from answer.json()
            url = answer.links.get("next", {}).get("url")

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> Any:
        return self._answer(method, self._url(path), body).json()

    def _url(self, path: str) -> str:
        return f"{self.api}/repos/{self.repository}{path}"

    def _answer(self, method: str, url: str, body: Mapping[str, str] | None = None) -> requests.Response:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        retries = Retry(
            total=_ATTEMPTS - 1,
            backoff_factor=self.backoff_seconds,
            status_forcelist=_PASSING,
            allowed_methods=None,
            raise_on_status=False,
            retry_after_max=_PAUSE_SECONDS,
        )
        try:
            with requests.Session() as session:
                session.mount(self.api, HTTPAdapter(max_retries=retries))
                answer = session.request(method, url, json=body, headers=headers, timeout=_TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise BranchError(
                f"GitHub does not answer to {method} {urlsplit(url).path}: {type(error).__name__}"
            ) from None
        if not answer.ok:
            raise BranchError(f"GitHub answers {answer.status_code} to {method} {urlsplit(url).path}")
        return answer


def _is_mine(comment: Mapping[str, Any]) -> bool:
    return COMMENT_MARKER in (comment.get("body") or "")


def _number(ref: str) -> str:
    return ref.removeprefix("pr/")
