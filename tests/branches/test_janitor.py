"""Which forgotten environments are found, and what the nightly round does about them."""

from collections.abc import Callable
from typing import Any

import pytest

from branches.destroy import Removed
from branches.errors import BranchError, Remains
from branches.janitor import reason_to_go
from branches.ports import Look
from branches.records import LEASE_SECONDS, Kept, Record, nobody
from branches.sweep import Round, sweep
from tests.branches.world import FakeClock, FakeRecords

NOW = 1_700_000_000.0
OPEN = {"pr/12": "c0ffee"}


def record(suffix: str = "pr-12", **changes: object) -> Record:
    values: dict[str, object] = {"ref": suffix.replace("-", "/"), "lives_until": NOW + 1e6, **changes}
    return Record(suffix=suffix, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "heads", "reason"),
    [
        (record(), OPEN, ""),
        (record(), {"pr/12": None}, "pr/12 is closed"),
        (record(lives_until=NOW - 7200), OPEN, "its time to live ended 2 hours ago"),
        (record(lives_until=NOW - 7200, holder="build", leased_until=NOW + 1), {"pr/12": None}, ""),
        (record(holder="killed", leased_until=NOW - 1), {"pr/12": None}, "pr/12 is closed"),
        (record(holder="mine", leased_until=NOW + 1), {"pr/12": None}, "pr/12 is closed"),
        (None, {}, "nobody knows whose it is: it was left half removed"),
        (record(ref=nobody("pr-12")), {}, "nobody knows whose it is: it was left half removed"),
        (record(ref=nobody("pr-12"), holder="another's round", leased_until=NOW + 1), {}, ""),
    ],
)
def test_an_environment_goes_when_nobody_needs_it(
    known: Record | None, heads: dict[str, str | None], reason: str
) -> None:
    assert reason_to_go(known, head=heads.__getitem__, now=NOW, holder="mine") == reason


class Night:
    """One round; `during` happens while the environment of that suffix is removed."""

    def __init__(self, *known: Record, present: set[str] | None = None) -> None:
        self.records, self.present, self.clock = FakeRecords(*known), present or set(), FakeClock()
        self.heads: dict[str, str | None] = {}
        self.silent: set[str] = set()
        self.stuck: set[str] = set()
        self.removed: list[str] = []
        self.said: list[str] = []
        self.asked: Callable[[str], None] = lambda _: None

    def head(self, ref: str) -> str | None:
        if ref in self.silent:
            raise BranchError("GitHub answers 500")
        found = self.heads[ref]
        self.asked(ref)
        return found

    def destroy(self, suffix: str, held: Look) -> Removed:
        held()
        if suffix in self.stuck:
            raise Remains(f"of {suffix} remains: stack one")
        self.removed.append(suffix)
        return Removed(stacks=["one"])

    def sweep(self, *, dry_run: bool = False) -> int:
        records: Any = self.records
        world = Round(
            records=records,
            present=lambda: self.present,
            head=self.head,
            destroy=self.destroy,
            holder="janitor 1",
            clock=self.clock,
            say=self.said.append,
        )
        return sweep(world, dry_run=dry_run)


def test_what_nobody_needs_goes_with_its_record_and_the_rest_stays() -> None:
    night = Night(record("pr-1"), record("pr-2"), present={"pr-1", "pr-2", "pr-3"})
    night.heads = {"pr/1": "c0ffee", "pr/2": None}
    assert night.sweep() == 0
    assert sorted(night.removed) == ["pr-2", "pr-3"]
    assert set(night.records.items) == {"pr-1"}


def test_a_dry_run_says_what_would_go_and_why_and_touches_nothing() -> None:
    night = Night(record("pr-1"), record("pr-2"), present={"pr-3"})
    night.heads = {"pr/1": "c0ffee", "pr/2": None}
    assert night.sweep(dry_run=True) == 0
    assert night.said == [
        "pr-1 stays",
        "pr-2 would go: pr/2 is closed",
        "pr-3 would go: nobody knows whose it is: it was left half removed",
    ]
    assert night.removed == []
    assert set(night.records.items) == {"pr-1", "pr-2"}


def test_an_empty_account_is_said_to_be_one() -> None:
    night = Night()
    assert night.sweep(dry_run=True) == 0
    assert night.said == ["there are no environments of branches"]


def test_what_cannot_be_removed_tonight_keeps_nothing_else_and_is_tried_again_tomorrow() -> None:
    night = Night(record("pr-2"), present={"pr-1", "pr-2"})
    night.heads, night.stuck = {"pr/2": None}, {"pr-1"}
    assert night.sweep() == 1
    assert night.removed == ["pr-2"]
    assert "pr-1 failed: of pr-1 remains: stack one" in night.said

    night.stuck, night.present = set(), {"pr-1"}
    assert night.sweep() == 0
    assert night.removed == ["pr-2", "pr-1"]
    assert night.records.items == {}


def test_a_ref_about_which_the_repository_is_silent_keeps_no_other_one_from_going() -> None:
    night = Night(record("pr-1"), record("pr-2"))
    night.heads, night.silent = {"pr/2": None}, {"pr/1"}
    assert night.sweep() == 1
    assert night.removed == ["pr-2"]
    assert "pr-1 stays, since nobody says whether it is needed: GitHub answers 500" in night.said


def test_a_pull_request_that_is_reopened_before_its_turn_keeps_its_environment() -> None:
    night = Night(record())
    night.heads = {"pr/12": None}
    night.asked = lambda ref: night.heads.update({ref: "c0ffee"})
    assert night.sweep() == 0
    assert night.removed == []
    assert "pr-12 stays: it is needed again" in night.said
    assert "holder" not in night.records.items["pr-12"]


def test_what_is_claimed_before_its_turn_is_the_claimants() -> None:
    night = Night(record("pr-1"), present={"pr-12"})
    night.heads = {"pr/1": "c0ffee"}
    night.asked = lambda _: night.records.items.update({"pr-12": {"ref": "pr/12", "lives_until": NOW + 1e6}})
    assert night.sweep() == 0
    assert night.removed == []
    assert "pr-12 stays: pr/12" in night.said


@pytest.mark.parametrize("suffix", ["dev", "staging", "prod"])
def test_the_pipelines_environments_are_not_even_looked_at(suffix: str) -> None:
    night = Night(record(suffix, lives_until=0.0), present={suffix})
    assert night.sweep() == 0
    assert (night.removed, night.said) == ([], ["there are no environments of branches"])


def test_a_lease_is_lost_when_another_has_it_or_nobody_could_renew_it_in_time() -> None:
    clock, table = FakeClock(), FakeRecords()
    records: Any = table
    table.claim("pr-12", "pr/12", holder="mine", now=clock.now(), lives_until=NOW)
    kept = Kept(
        records=records,
        suffix="pr-12",
        holder="mine",
        clock=clock,
        say=lambda _: None,
        until=clock.now() + LEASE_SECONDS,
    )
    clock.sleep(LEASE_SECONDS - 1)
    kept.renew()
    clock.sleep(LEASE_SECONDS - 1)
    kept.look()
    clock.sleep(1)
    with pytest.raises(BranchError, match="lost"):
        kept.look()

    kept.renew()
    kept.look()
    table.items["pr-12"]["holder"] = "another"
    kept.renew()
    with pytest.raises(BranchError, match="lost"):
        kept.look()
