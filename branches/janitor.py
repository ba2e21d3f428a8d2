"""Which environments nobody needs any more, and why. Looks at what is there, not only at what is recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from branches.records import Record
from release.suffix import is_permanent


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`reason` is empty where the environment stays."""

    suffix: str
    reason: str


def judge(
    records: Iterable[Record], *, present: Iterable[str], heads: Mapping[str, str | None], now: float
) -> list[Verdict]:
    """One verdict per environment, sorted. `present` are the suffixes that have stacks, parameters or secrets;
    `heads` says of each recorded ref where it is, None when it is closed. An environment that a build works on stays.
    """
    recorded = {record.suffix: record for record in records}
    suffixes = sorted(suffix for suffix in {*recorded, *present} if not is_permanent(suffix))
    return [Verdict(suffix=suffix, reason=_reason(recorded.get(suffix), heads, now)) for suffix in suffixes]


def _reason(record: Record | None, heads: Mapping[str, str | None], now: float) -> str:
    if record is None:
        return "nobody knows whose it is: it was left half removed"
    if record.holder and record.leased_until >= now:
        return ""
    if heads[record.ref] is None:
        return f"{record.ref} is closed"
    if record.lives_until < now:
        return f"its time to live ended {(now - record.lives_until) / 3600:.0f} hours ago"
    return ""
