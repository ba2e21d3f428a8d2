"""Which forgotten environments are found."""

import pytest

from branches.janitor import judge
from branches.records import Record

NOW = 1_700_000_000.0
OPEN = {"pr/12": "c0ffee"}


def record(**changes: object) -> Record:
    values: dict[str, object] = {"suffix": "pr-12", "ref": "pr/12", "lives_until": NOW + 10, **changes}
    return Record(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "heads", "reason"),
    [
        (record(), OPEN, ""),
        (record(), {"pr/12": None}, "pr/12 is closed"),
        (record(lives_until=NOW - 7200), OPEN, "its time to live ended 2 hours ago"),
        (record(lives_until=NOW - 7200, holder="build", leased_until=NOW + 1), {"pr/12": None}, ""),
        (record(holder="killed", leased_until=NOW - 1), {"pr/12": None}, "pr/12 is closed"),
    ],
)
def test_a_recorded_environment_goes_when_nobody_needs_it(
    known: Record, heads: dict[str, str | None], reason: str
) -> None:
    (verdict,) = judge([known], present=["pr-12"], heads=heads, now=NOW)
    assert (verdict.suffix, verdict.reason) == ("pr-12", reason)


def test_what_is_there_without_a_record_goes() -> None:
    (verdict,) = judge([], present=["pr-9"], heads={}, now=NOW)
    assert "half removed" in verdict.reason


@pytest.mark.parametrize("suffix", ["dev", "staging", "prod"])
def test_the_pipelines_environments_are_not_even_looked_at(suffix: str) -> None:
    known = record(suffix=suffix, lives_until=0.0)
    assert judge([known], present=[suffix], heads={"pr/12": None}, now=NOW) == []
