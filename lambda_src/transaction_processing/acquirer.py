"""The port to whoever moves the money, and the sandbox that ships with us."""

from typing import Protocol

from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.money import Money
from payment_core.sandbox import SandboxOutcome, sandbox_outcome


class Acquirer(Protocol):
    """An acquirer that knows a payment by our id, so that asking twice authorises once."""

    def authorize(self, *, payment_id: str, token: str, money: Money) -> str | None:
        """Authorise `money`: None when approved, else the reason for the decline. Raises `DependencyUnavailable`."""
        ...


class SandboxAcquirer:
    """Does what the token's test card stands for; the answer depends on nothing else, so repeating is safe."""

    def authorize(self, *, payment_id: str, token: str, money: Money) -> str | None:  # noqa: ARG002
        try:
            outcome = sandbox_outcome(token)
        except ValueError:
            raise DependencyUnavailable(
                ErrorCode.ACQUIRER_UNAVAILABLE, "The acquirer does not know this token."
            ) from None
        return None if outcome is SandboxOutcome.APPROVE else outcome.value
