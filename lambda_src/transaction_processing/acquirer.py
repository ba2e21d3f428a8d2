"""The port to whoever moves the money, and the sandbox that ships with us."""

from typing import Protocol

from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.money import Money
from payment_core.sandbox import SandboxOutcome, sandbox_outcome


class OutcomeUnknown(DependencyUnavailable):
    """The acquirer was asked and has not answered: it may have approved."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.OUTCOME_UNKNOWN,
            "The payment may or may not have been authorised. Retry with the same key to learn which.",
        )


class Acquirer(Protocol):
    """An acquirer that knows a payment by our id, so that asking twice authorises once."""

    def authorize(self, *, payment_id: str, token: str, money: Money, repeated: bool) -> str | None:
        """Authorise `money`: None when approved, else the reason for the decline.

        `repeated`: this payment may have been asked for before, and the answer is then the one it got.
        Raises `OutcomeUnknown` when nobody knows, any other `DependencyUnavailable` when nothing has happened.
        """
        ...


class SandboxAcquirer:
    """Does what the token's test card stands for; the answer depends on nothing else, so repeating is safe."""

    def authorize(self, *, payment_id: str, token: str, money: Money, repeated: bool) -> str | None:  # noqa: ARG002
        try:
            outcome = sandbox_outcome(token)
        except ValueError:
            raise _unavailable("The acquirer does not know this token.") from None
        if outcome is SandboxOutcome.UNAVAILABLE and not repeated:
            raise _unavailable("The acquirer timed out before it took the payment. Retry with the same key.")
        if outcome in (SandboxOutcome.APPROVE, SandboxOutcome.UNAVAILABLE):
            return None
        if outcome in (SandboxOutcome.UNKNOWN_THEN_APPROVED, SandboxOutcome.UNKNOWN_THEN_DECLINED):
            if not repeated:
                raise OutcomeUnknown
            return None if outcome is SandboxOutcome.UNKNOWN_THEN_APPROVED else SandboxOutcome.CARD_DECLINED.value
        return outcome.value


def _unavailable(message: str) -> DependencyUnavailable:
    return DependencyUnavailable(ErrorCode.ACQUIRER_UNAVAILABLE, message)
