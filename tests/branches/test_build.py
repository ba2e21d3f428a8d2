"""What a build does for a branch, whatever happens to the branch meanwhile."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from branches.build import OUTPUTS, REPORT, Change, World, handle
from branches.destroy import Removed
from branches.errors import BranchError, LostLease, Occupied
from branches.ports import Look
from branches.records import LEASE_SECONDS
from tests.branches.world import FakeClock, FakeRecords

CHANGE = Change(ref="pr/12", commit="c0ffee", build="build-1", account="555555555555")


class FakeRepository:
    def __init__(self, head: str | None) -> None:
        self.now = head
        self.told: list[tuple[bool, str]] = []
        self.announced: list[tuple[str, str]] = []
        self.silent = False

    def head(self, ref: str) -> str | None:
        self._answer()
        return self.now

    def _answer(self) -> None:
        if self.silent:
            raise BranchError("GitHub answers 500")

    def announce(self, commit: str, *, words: str) -> None:
        self._answer()
        self.announced.append((commit, words))

    def tell(self, ref: str, commit: str, *, succeeded: bool, words: str, text: str) -> None:
        self._answer()
        self.told.append((succeeded, text))


class Scene:
    """One build; `during` happens while its step of that name runs."""

    def __init__(self, head: str | None = "c0ffee") -> None:
        self.records, self.repository, self.clock = FakeRecords(), FakeRepository(head), FakeClock()
        self.ran: list[str] = []
        self.said: list[str] = []
        self.prepare: Callable[[str], object] = lambda _: None
        self.removed = 0
        self.during: dict[str, Callable[[], None]] = {}

    def run(self, command: Sequence[str], look: Callable[[], None], environment: Mapping[str, str]) -> None:
        words = " ".join(command)
        self.ran.append(words)
        for name, happens in self.during.items():
            if name in words:
                happens()
                look()

    def destroy(self, suffix: str, held: Look) -> Removed:
        held()
        self.removed += 1
        return Removed(stacks=["one"])

    def handle(self, change: Change = CHANGE) -> str:
        records: Any = self.records
        world = World(
            records=records,
            repository=self.repository,
            run=self.run,
            prepare=self.prepare,
            destroy=self.destroy,
            cost_per_day=lambda _: "1.50 $",
            clock=self.clock,
            say=self.said.append,
        )
        return handle(change, world)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.chdir(tmp_path)
    (tmp_path / OUTPUTS).mkdir()
    (tmp_path / OUTPUTS / "flat-outputs.json").write_text(json.dumps({"ApiUrl": "https://api.example.com/live"}))
    return Scene()


def test_an_opened_pull_request_gets_its_environment_and_is_told(scene: Scene) -> None:
    assert scene.handle() == "pr-12 is at c0ffee"
    (told,) = scene.repository.told
    assert told[0]
    assert scene.repository.announced == [("c0ffee", "pr-12 is being brought to c0ffee")]
    for expected in ("https://api.example.com/live", "1.50 $", "7 days after the last push: on 2023-11", "| ApiUrl |"):
        assert expected in told[1]
    assert REPORT.read_text() == told[1]
    record = scene.records.items["pr-12"]
    assert (record["commit"], record["url"]) == ("c0ffee", "https://api.example.com/live")
    assert "holder" not in record


def test_the_order_is_that_of_a_release(scene: Scene) -> None:
    scene.handle()
    order = ["make check", "cdk synth", "payment-pr-12-access", "release freeze", "--concurrency", "release migrate",
             "release outputs", "pytest integ_tests", "release shift", "release verify"]  # fmt: skip
    assert len(scene.ran) == len(order)
    assert all(part in ran for part, ran in zip(order, scene.ran, strict=True))


def test_a_closed_pull_request_loses_its_environment_and_its_record(scene: Scene) -> None:
    scene.handle()
    scene.repository.now = None
    assert scene.handle() == "pr/12 is closed; pr-12: removed 1 stacks, 0 objects, nothing else"
    assert (scene.removed, scene.records.items) == (1, {})


def test_a_push_after_the_close_deploys_nothing(scene: Scene) -> None:
    scene.repository.now = None
    scene.handle()
    assert scene.ran == []
    assert scene.records.items == {}


def test_an_older_push_leaves_the_environment_to_the_newest_ones_build(scene: Scene) -> None:
    scene.repository.now = "newer"
    assert "is at newer by now" in scene.handle()
    assert (scene.ran, scene.removed) == ([], 0)


@pytest.mark.parametrize("step", ["make check", "--concurrency", "release verify"])
def test_closing_during_a_deployment_ends_with_the_environment_removed(scene: Scene, step: str) -> None:
    scene.during[step] = lambda: setattr(scene.repository, "now", None)
    assert "pr/12 is closed" in scene.handle()
    assert step in scene.ran[-1], "nothing is deployed after the close"
    assert (scene.removed, scene.records.items, scene.repository.told) == (1, {}, [])


def test_a_push_during_a_deployment_ends_it_for_the_newer_commit(scene: Scene) -> None:
    scene.during["--concurrency"] = lambda: setattr(scene.repository, "now", "newer")
    assert scene.handle() == "given up: pr/12 is at newer by now"
    assert scene.removed == 0
    assert "holder" not in scene.records.items["pr-12"]


def test_a_build_waits_for_the_one_that_works_on_the_environment(scene: Scene) -> None:
    scene.records.items["pr-12"] = {
        "ref": "pr/12",
        "holder": "build-0",
        "leased_until": scene.clock.now() + LEASE_SECONDS,
    }
    began = scene.clock.now()
    assert scene.handle() == "pr-12 is at c0ffee"
    assert scene.clock.now() - began >= LEASE_SECONDS, "a lease that nobody renews ends by itself"


def test_a_suffix_that_another_ref_has_is_refused(scene: Scene) -> None:
    scene.records.items["pr-12"] = {"ref": "branch/by-hand"}
    with pytest.raises(Occupied):
        scene.handle()
    assert scene.ran == []


def test_a_failed_step_is_told_and_gives_the_lease_back(scene: Scene) -> None:
    def fail() -> None:
        raise BranchError("make check ended with 2")

    scene.during["make check"] = fail
    with pytest.raises(BranchError):
        scene.handle()
    assert scene.repository.told == [(False, "**pr-12** failed: make check ended with 2\n\nBuild `build-1`")]
    assert "holder" not in scene.records.items["pr-12"]


def test_whatever_ends_a_deployment_ends_its_pending_status(scene: Scene) -> None:
    def refuse(_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "arn:aws:sts::5"}}, "CreateSecret")

    scene.prepare = refuse
    with pytest.raises(ClientError):
        scene.handle()
    assert scene.repository.announced
    (told,) = scene.repository.told
    assert told[0] is False
    assert "ClientError" in told[1]
    assert "arn:" not in told[1], "what AWS says may name what a reader of the pull request need not know"
    assert "holder" not in scene.records.items["pr-12"]


def test_a_repository_that_falls_silent_during_a_deployment_does_not_end_it(scene: Scene) -> None:
    scene.during["--concurrency"] = lambda: setattr(scene.repository, "silent", True)
    scene.during["release verify"] = lambda: setattr(scene.repository, "silent", False)
    assert scene.handle() == "pr-12 is at c0ffee"
    assert any("GitHub answers 500" in line for line in scene.said)
    assert [succeeded for succeeded, _ in scene.repository.told] == [True]


def test_a_repository_that_is_silent_at_last_leaves_the_environment_to_the_build_of_the_close(scene: Scene) -> None:
    told = scene.repository.tell

    def tell_and_fall_silent(ref: str, commit: str, *, succeeded: bool, words: str, text: str) -> None:
        told(ref, commit, succeeded=succeeded, words=words, text=text)
        scene.repository.silent = True

    scene.repository.tell = tell_and_fall_silent  # type: ignore[method-assign]
    assert scene.handle() == "pr-12 is at c0ffee"
    assert scene.removed == 0


def test_a_repository_that_is_silent_at_first_starts_nothing(scene: Scene) -> None:
    scene.repository.silent = True
    with pytest.raises(BranchError, match="GitHub answers 500"):
        scene.handle()
    assert (scene.ran, scene.removed) == ([], 0)


def test_a_failure_that_cannot_be_told_is_still_the_failure(scene: Scene) -> None:
    def fail() -> None:
        scene.repository.silent = True
        raise BranchError("make check ended with 2")

    scene.during["make check"] = fail
    with pytest.raises(BranchError, match="make check ended with 2"):
        scene.handle()


def test_a_build_whose_lease_is_lost_does_nothing_more(scene: Scene) -> None:
    def lose() -> None:
        scene.clock.time += LEASE_SECONDS + 1

    scene.during["make check"] = lose
    with pytest.raises(LostLease):
        scene.handle()
    assert "make check" in scene.ran[-1]


@pytest.mark.parametrize(
    ("ref", "suffix"), [("branch/checkout", "checkout"), ("pr/12", "pr-12"), ("branch/pr/12", "pr-12-")]
)
def test_the_suffix_is_that_of_the_shared_module(ref: str, suffix: str) -> None:
    made = Change(ref=ref, commit="c", build="b", account="5").suffix
    assert made == suffix or made.startswith(suffix)
    assert (made == "pr-12") is (ref == "pr/12")
