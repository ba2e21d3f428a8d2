"""One line for people who have to decide: what was tested, and how it went."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

FILE_NAME: Final = "integration-summary.txt"
NAMED_FAILURES: Final = 3


def summary_line(
    counts: Mapping[str, int], *, suffix: str, colour: str | None, seconds: float, failed: Sequence[str]
) -> str:
    """For example `integration tests on staging (idle colour green): 41 passed in 12 s`."""
    where = f"{suffix} (idle colour {colour})" if colour else suffix
    words = ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number) or "nothing ran"
    named = [*failed[:NAMED_FAILURES], *(["…"] if len(failed) > NAMED_FAILURES else [])]
    names = f"; failed: {', '.join(named)}" if failed else ""
    return f"integration tests on {where}: {words} in {seconds:.0f} s{names}"


def write(line: str, directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    path.write_text(line + "\n")
    return path
