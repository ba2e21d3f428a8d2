"""CloudWatch's clock: how long one of its seconds takes.

`CLOUDWATCH_CLOCK_FACTOR` (default 1) makes it run faster for tests: at 0.05 a period of a minute passes in three
seconds. It holds for what CloudWatch and CloudFormation wait for by themselves: alarms' periods and rollback
triggers' monitoring times. What a caller asks for by its own times (GetMetricData) stays in real ones.
"""

from __future__ import annotations

import os

VARIABLE = "CLOUDWATCH_CLOCK_FACTOR"
SMALLEST = 0.001


class ClockFactorError(ValueError):
    """The setting is not a number that a clock can run by."""


def factor() -> float:
    """How many real seconds one of CloudWatch's takes. Raises `ClockFactorError`."""
    given = os.environ.get(VARIABLE, "1")
    try:
        found = float(given)
    except ValueError:
        found = 0.0
    if not SMALLEST <= found <= 1:
        raise ClockFactorError(f"{VARIABLE} must be a number from {SMALLEST} to 1, not {given!r}")
    return found
