"""Whether nobody needs an environment any more, and why."""

from collections.abc import Callable

from branches.records import Record


def reason_to_go(record: Record | None, *, head: Callable[[str], str | None], now: float, holder: str = "") -> str:
    """Empty where the environment stays. `head` says where a ref is, None when it is closed, and raises what it will.

    One that another than `holder` works on stays; one without a record is nobody's.
    """
    if record and record.holder not in ("", holder) and record.leased_until >= now:
        return ""
    if record is None or record.is_nobodys:
        return "nobody knows whose it is: it was left half removed"
    if head(record.ref) is None:
        return f"{record.ref} is closed"
    if record.lives_until < now:
        return f"its time to live ended {(now - record.lives_until) / 3600:.0f} hours ago"
    return ""
