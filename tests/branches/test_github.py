"""GitHub's REST API as its reference has it, answered on loopback.

https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request
https://docs.github.com/en/rest/issues/comments
https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
"""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from branches.composition import from_webhook, repository_of
from branches.errors import BranchError
from branches.repository import COMMENT_MARKER, GitHub, GitRepository

REPOSITORY, TOKEN = "example-payments/payment-pipeline", "a-token"
HEAD = "6dcb09b5b57875f334f61aebed695e2e4193db5e"
PAGE = 2


@dataclass
class Hub:
    """One pull request, number 12, and what was written about it. `refuses` is a status for every call, or for as many
    as `hiccups` says."""

    url: str = ""
    state: str = "open"
    comments: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    refuses: int | None = None
    hiccups: int | None = None
    calls: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def answer(self, method: str, path: str, query: str, body: dict[str, Any]) -> tuple[int, Any, str]:
        """Status, body and the Link header."""
        prefix = f"/repos/{REPOSITORY}"
        self.calls += 1
        if self.refuses and (self.hiccups is None or self.calls <= self.hiccups):
            return self.refuses, {"message": "no", "documentation_url": "https://docs.github.com/rest"}, ""
        if (method, path) == ("GET", f"{prefix}/pulls/12"):
            head = {"label": "fork:change", "ref": "change", "sha": HEAD}
            return 200, {"number": 12, "state": self.state, "merged": False, "head": head, "base": {"ref": "main"}}, ""
        if path == f"{prefix}/issues/12/comments" and method == "GET":
            page = int(found[1]) if (found := re.search(r"[?&]page=(\d+)", f"?{query}")) else 1
            more = len(self.comments) > page * PAGE
            link = f'<{self.url}{path}?per_page=100&page={page + 1}>; rel="next"' if more else ""
            return 200, self.comments[(page - 1) * PAGE : page * PAGE], link
        if path == f"{prefix}/issues/12/comments" and method == "POST":
            self.comments.append({"id": len(self.comments) + 1, **body})
            return 201, self.comments[-1], ""
        if method == "PATCH" and (found := re.fullmatch(rf"{prefix}/issues/comments/(\d+)", path)):
            comment = next(comment for comment in self.comments if comment["id"] == int(found[1]))
            comment.update(body)
            return 200, comment, ""
        if (method, path) == ("POST", f"{prefix}/statuses/{HEAD}"):
            assert len(body["description"]) <= 140
            self.statuses.append(body)
            return 201, {"id": 1, **body}, ""
        return 404, {"message": "Not Found"}, ""


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            hub.headers = {name.lower(): value for name, value in self.headers.items()}
            length = int(self.headers.get("Content-Length") or 0)
            path, _, query = self.path.partition("?")
            status, body, link = hub.answer(self.command, path, query, json.loads(self.rfile.read(length) or b"{}"))
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            if link:
                self.send_header("Link", link)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names are the library's

        def log_message(self, *_: object) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield hub
    server.shutdown()
    server.server_close()


@pytest.fixture
def github(hub: Hub) -> GitHub:
    return GitHub(repository=REPOSITORY, token=TOKEN, api=hub.url, backoff_seconds=0.0)


def test_an_open_pull_request_is_at_its_newest_commit(hub: Hub, github: GitHub) -> None:
    assert github.head("pr/12") == HEAD
    assert hub.headers["authorization"] == f"Bearer {TOKEN}"
    assert hub.headers["accept"] == "application/vnd.github+json"


def test_a_closed_or_merged_one_has_none(hub: Hub, github: GitHub) -> None:
    hub.state = "closed"
    assert github.head("pr/12") is None


def test_the_outcome_is_one_comment_that_is_rewritten_and_a_status_on_each_commit(hub: Hub, github: GitHub) -> None:
    github.announce(HEAD, words="pr-12 is being made")
    github.tell("pr/12", HEAD, succeeded=False, words="pr-12: make check ended with 2", text="failed")
    github.tell("pr/12", HEAD, succeeded=True, words="pr-12, idle 1.33 $ a day", text="it is there")
    assert [comment["body"] for comment in hub.comments] == [f"{COMMENT_MARKER}\nit is there"]
    assert [(status["state"], status["context"]) for status in hub.statuses] == [
        ("pending", "environment"),
        ("failure", "environment"),
        ("success", "environment"),
    ]
    assert hub.statuses[-1]["description"] == "pr-12, idle 1.33 $ a day"


def test_the_comment_is_found_behind_a_long_discussion_and_nobody_elses_is_touched(hub: Hub, github: GitHub) -> None:
    hub.comments = [{"id": number, "body": f"I think {number}"} for number in range(1, 6)]
    hub.comments += [{"id": 6, "body": None}, {"id": 7, "body": f"{COMMENT_MARKER}\nold"}]
    github.tell("pr/12", HEAD, succeeded=True, words="x" * 200, text="new")
    assert [comment["body"] for comment in hub.comments[:5]] == [f"I think {number}" for number in range(1, 6)]
    assert (len(hub.comments), hub.comments[-1]["body"]) == (7, f"{COMMENT_MARKER}\nnew")


@pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
def test_a_refusal_is_an_error_that_names_the_call_and_not_the_token(hub: Hub, github: GitHub, status: int) -> None:
    hub.refuses = status
    with pytest.raises(BranchError, match=rf"{status} to GET /repos/{REPOSITORY}/pulls/12") as refused:
        github.head("pr/12")
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_hiccup_of_github_s_is_nobody_s_concern(hub: Hub, github: GitHub, status: int) -> None:
    hub.refuses, hub.hiccups = status, 2
    assert github.head("pr/12") == HEAD
    hub.calls = 0
    github.announce(HEAD, words="pr-12 is being made")
    assert [posted["state"] for posted in hub.statuses] == ["pending"]


def test_a_refusal_that_stays_is_asked_for_once(hub: Hub, github: GitHub) -> None:
    hub.refuses = 403
    with pytest.raises(BranchError):
        github.head("pr/12")
    assert hub.calls == 1


def test_silence_is_an_error_and_no_closed_pull_request() -> None:
    with pytest.raises(BranchError, match="does not answer"):
        GitHub(repository=REPOSITORY, token=TOKEN, api="http://127.0.0.1:1", backoff_seconds=0.0).head("pr/12")


def test_a_repository_that_git_cannot_reach_is_an_error_and_no_deleted_branch(tmp_path: Path) -> None:
    with pytest.raises(BranchError, match="git ls-remote of refs/heads/x"):
        GitRepository(url=str(tmp_path / "none.git")).head("branch/x")


def test_a_pull_request_is_github_s_and_a_branch_is_git_s() -> None:
    variables = {"REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN, "CODEBUILD_SOURCE_REPO_URL": "/a.git"}
    assert repository_of("pr/12", variables) == GitHub(repository=REPOSITORY, token=TOKEN)
    assert repository_of("branch/x", variables) == GitRepository(url="/a.git")
    with pytest.raises(BranchError):
        repository_of("tag/v1", variables)


@pytest.mark.parametrize("ref", ["pr/12", "branch/x"])
def test_a_variable_that_is_not_set_is_named(ref: str) -> None:
    with pytest.raises(BranchError, match=r"(REPOSITORY|CODEBUILD_SOURCE_REPO_URL) is not set"):
        repository_of(ref, {})


def test_a_build_that_no_webhook_started_is_refused() -> None:
    with pytest.raises(BranchError, match="no build of a webhook: 'CODEBUILD_WEBHOOK_TRIGGER' is not set"):
        from_webhook({}, region="us-east-1", say=lambda _: None)
