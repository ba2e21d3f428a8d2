"""Who approved a release, from the history of the pipeline's execution. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from release.errors import Refused

BY_HAND: Final = "a person who answers for it can shift by hand, with --approved-by"


@dataclass(frozen=True, kw_only=True)
class Approval:
    """One time that an approval action asked. `at` is when, in seconds since 1970; `by` the ARN of who answered."""

    action: str
    at: float
    approved: bool
    by: str | None


def approver(asked: Iterable[Approval], *, execution: str, stage: str) -> str:
    """What the ledger says of who approved. A stage that is retried as a whole asks again: of each action only the last
    answer counts. Raises `Refused` rather than name somebody who did not approve what is to go live."""
    where = f"stage {stage} of execution {execution}"
    last = {each.action: each for each in sorted(asked, key=lambda each: each.at)}
    if not last:
        raise Refused(f"nobody was asked to approve in {where}; {BY_HAND}")
    if waiting := sorted(each.action for each in last.values() if not each.approved):
        raise Refused(f"{', '.join(waiting)} in {where} is not approved; {BY_HAND}")
    people = sorted({each.by or "" for each in last.values()})
    if not all(people):
        raise Refused(f"CodePipeline does not say who approved in {where}; {BY_HAND}")
    return f"{' and '.join(people)} (execution {execution})"
