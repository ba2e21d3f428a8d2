"""Who tokenises cards and moves money, by the name that the environment's data gives it.

The name comes with a function's version: a colour keeps the processor that it was released with.
"""

import os
from collections.abc import Mapping
from typing import TypeVar

from payment_core.errors import DependencyUnavailable, ErrorCode

SANDBOX = "sandbox"

Implementation = TypeVar("Implementation")


def of_processor(registered: Mapping[str, Implementation]) -> Implementation:
    """What is registered under the environment's processor. Raises `DependencyUnavailable`: nobody takes its place."""
    name = os.environ.get("PROCESSOR", "")
    if name not in registered:
        raise DependencyUnavailable(
            ErrorCode.CONFIGURATION_UNAVAILABLE, "The service is not configured right now.", subject=f"processor {name}"
        )
    return registered[name]
