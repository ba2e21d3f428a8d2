"""The wall clock, at a speed of one's choice."""

import os
import time
from datetime import UTC, datetime
from typing import Final

FACTOR_VARIABLE: Final = "RELEASE_CLOCK_FACTOR"


def factor_from(text: str | None) -> float:
    """Read a factor; without one it is that of the environment, or 1. Raises `ValueError`."""
    factor = float(text or os.environ.get(FACTOR_VARIABLE) or 1)
    if not 0 < factor <= 10:
        raise ValueError(f"the clock factor must be above 0 and at most 10, not {factor}")
    return factor


def utc(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


class ScaledClock:
    """With factor 0.05 a minute of baking takes three seconds. For laptops; 1 wherever money is real."""

    def __init__(self, *, factor: float) -> None:
        self._factor = factor

    def now(self) -> float:
        return time.monotonic() / self._factor

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds * self._factor)

    @property
    def factor(self) -> float:
        return self._factor

    def time(self) -> float:
        return time.time()

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)
