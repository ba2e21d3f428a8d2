"""Progress lines: seconds since the start, then what happens."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Writes one line per step to standard output, at once, so that a pipe or a CI log shows it live."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since this object was made."""
        return time.monotonic() - self._start

    def say(self, text: str = "") -> None:
        sys.stdout.write(f"[{self.elapsed():6.1f}s] {text}\n" if text else "\n")
        sys.stdout.flush()

    def plain(self, text: str) -> None:
        """A line without the clock: the summary, or something to copy."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Say what begins and how long it took."""
        self.say(f"{text} …")
        start = time.monotonic()
        yield
        self.say(f"{text}: done in {time.monotonic() - start:.1f} s")
