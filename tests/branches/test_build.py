"""What a build does for a branch, whatever happens to the branch meanwhile."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from branches.build import OUTPUTS, REPORT, Change, World, handle
from branches.destroy import Removed
from branches.errors import BranchError, Occupied
from branches.records import LEASE_SECONDS
from tests.branches.world import FakeClock

CHANGE = Change(ref="pr/12", commit="c0ffee", build="build-1", account="555555555555")


class FakeRecords:
    """The table with its conditions."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    def claim(self, suffix: str, ref: str, *, holder: str, now: float, lives_until: float) -> bool:
        item = self.items.setdefault(suffix, {"ref": ref, "lives_until": lives_until})
        if item["ref"] != ref:
            raise Occupied(item["ref"])
        if item.get("holder", holder) != holder and item["leased_until"] >= now:
            return False
        item.update(holder=holder, leased_until=now + LEASE_SECONDS)
        return True

    def deployed(self, suffix: str, *, holder: str, **values: Any) -> None:
        assert self.items[suffix]["holder"] == holder
        self.items[suffix].update(values)

    def renew(self, suffix: str, *, holder: str, now: float) -> None:
        self.items[suffix]["leased_until"] = now + LEASE_SECONDS

    def release(self, suffix: str, *, holder: str) -> None:
        if self.items.get(suffix, {}).get("holder") == holder:
            del self.items[suffix]["holder"]

    def forget(self, suffix: str, *, holder: str) -> None:
        assert self.items[suffix]["holder"] == holder
        del self.items[suffix]


class FakeRepository:
    def __init__(self, head: str | None) -> None:
        self.now = head
        self.told: list[tuple[bool, str]] = []
        self.announced: list[tuple[str, str]] = []

    def head(self, ref: str) -> str | None:
        return self.now

    def announce(self, commit: str, *, words: str) -> None:
        self.announced.append((commit, words))

    def tell(self, ref: str, commit: str, *, succeeded: bool, words: str, text: str) -> None:
        self.told.append((succeeded, text))


class Scene:
    """One build; `during` happens while its step of that name runs."""

    def __init__(self, head: str | None = "c0ffee") -> None:
        self.records, self.repository, self.clock = FakeRecords(), FakeRepository(head), FakeClock()
        self.ran: list[str] = []
        self.removed = 0
        self.during: dict[str, Callable[[], None]] = {}

    def run(self, command: Sequence[str], look: Callable[[], None], environment: Mapping[str, str]) -> None:
        words = " ".join(command)
        self.ran.append(words)
        for name, happens in self.during.items():
            if name in words:
                happens()
                look()

    def destroy(self, suffix: str) -> Removed:
        self.removed += 1
        return Removed(stacks=["one"])

    def handle(self, change: Change = CHANGE) -> str:
        records: Any = self.records
        world = World(
            records=records,
            repository=self.repository,
            run=self.run,
            prepare=lambda _: None,
            destroy=self.destroy,
            cost_per_day=lambda _: "1.50 $",
            clock=self.clock,
            say=lambda _: None,
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


@pytest.mark.parametrize(
    ("ref", "suffix"), [("branch/checkout", "checkout"), ("pr/12", "pr-12"), ("branch/pr/12", "pr-12-")]
)
def test_the_suffix_is_that_of_the_shared_module(ref: str, suffix: str) -> None:
    made = Change(ref=ref, commit="c", build="b", account="5").suffix
    assert made == suffix or made.startswith(suffix)
    assert (made == "pr-12") is (ref == "pr/12")
