"""Which release of the software is answering."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from payment_core.errors import ErrorCode, PaymentError


class LambdaContext(Protocol):
    """The parts of Lambda's context object that the functions use."""

    invoked_function_arn: str
    function_version: str

    def get_remaining_time_in_millis(self) -> int: ...


class Colour(StrEnum):
    BLUE = "blue"
    GREEN = "green"


class ColourUnknown(PaymentError):
    """The function was not invoked through a colour's alias."""


@dataclass(frozen=True)
class ReleaseIdentity:
    """Colour and published version of the running function."""

    colour: Colour
    version: str

    @classmethod
    def of(cls, context: LambdaContext) -> "ReleaseIdentity":
        """Read the colour from the alias in the invoked ARN. Raises `ColourUnknown` for any other qualifier.

        Guessing a colour would let a release talk to the other one's functions.
        """
        parts = context.invoked_function_arn.split(":")
        qualifier = parts[7] if len(parts) == 8 else ""
        if qualifier not in tuple(Colour):
            raise ColourUnknown(ErrorCode.INTERNAL_ERROR, "The function was invoked without a colour.")
        return cls(Colour(qualifier), context.function_version)

    @property
    def headers(self) -> Mapping[str, str]:
        """What tells a client, and a test, which release answered."""
        return {"X-Release-Color": self.colour, "X-Release-Version": self.version}
