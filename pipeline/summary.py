"""What an approver reads: `python -m pipeline.summary release|tests FILE` prints one line from a report.

Runs inside a build; what it prints becomes an exported variable of the action and part of the approval's text.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from release.names import FUNCTIONS, Colour


class UnreadableReport(Exception):
    """The report does not say what an approver has to know."""


def of_release(status: Mapping[str, Any]) -> str:
    """The versions on both colours, from what `release status --json` printed. Raises `UnreadableReport`."""
    try:
        live = Colour(status["live_colour"])
        versions: Mapping[str, Mapping[str, str | None]] = status["versions"]
        words = {colour: _versions(versions[colour]) for colour in Colour}
    except (KeyError, ValueError) as error:
        raise UnreadableReport(f"the status names no live colour with its versions: {error!r}") from error
    if words[live] == words[live.other]:
        return f"{live} is live and both colours hold {words[live]}"
    return f"{live} is live with {words[live]}; {live.other} would take over with {words[live.other]}"


def of_tests(line: str) -> str:
    """The line that the integration tests leave behind. Raises `UnreadableReport` when no test passed."""
    if " passed" not in line:
        raise UnreadableReport("no test passed: that is no evidence to approve a release on")
    return line.strip()


def _versions(versions: Mapping[str, str | None]) -> str:
    return ", ".join(f"{function} {versions[function] or 'none'}" for function in FUNCTIONS)


def main(arguments: Sequence[str]) -> int:
    kind, path = arguments
    text = Path(path).read_text()
    try:
        print(of_release(json.loads(text)) if kind == "release" else of_tests(text))
    except (UnreadableReport, json.JSONDecodeError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
