"""What of the engine has started: a line for each part in its log, which the launcher shows."""

from __future__ import annotations

MARK = "started: "
DATABASE = "PostgreSQL"
"""How the last part's line begins: the only one that comes after the port answers."""


def started(text: str) -> None:
    """Say that a part is there."""
    print(f"{MARK}{text}", flush=True)


def parts_in(log: str) -> list[str]:
    """The parts that a log tells of, in their order. A line that is still being written does not count."""
    whole = log[: log.rfind("\n") + 1]
    return [line.removeprefix(MARK) for line in whole.splitlines() if line.startswith(MARK)]
