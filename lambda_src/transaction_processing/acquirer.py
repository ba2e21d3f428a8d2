"""The port to whoever moves the money, and the sandbox that ships with us."""

from dataclasses import dataclass
from typing import Protocol

from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.money import Money
from payment_core.sandbox import SandboxOutcome, sandbox_outcome
from transaction_processing.pending import OperationKind

# An amount that stands for an outcome does so for what it is the amount of: an authorisation, a capture, a refund, and
# for a void the amount that was authorised.
TEST_AMOUNTS = {
    40001: SandboxOutcome.CARD_DECLINED,
    40002: SandboxOutcome.INSUFFICIENT_FUNDS,
    40003: SandboxOutcome.LOST_CARD,
    40004: SandboxOutcome.UNAVAILABLE,
    40005: SandboxOutcome.UNKNOWN_THEN_APPROVED,
    40006: SandboxOutcome.UNKNOWN_THEN_DECLINED,
}


class OutcomeUnknown(DependencyUnavailable):
    """The acquirer was asked and has not answered: it may have done it."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.OUTCOME_UNKNOWN, "It may or may not have been done. Retry with the same key to learn which."
        )


@dataclass(frozen=True, kw_only=True)
class AcquirerOperation:
    """What an acquirer is asked to do with `money` of a payment that it has authorised; it knows it by its id."""

    operation_id: str
    payment_id: str
    kind: OperationKind
    token: str
    money: Money


class Acquirer(Protocol):
    """An acquirer that knows a payment and an operation by our ids, so that asking twice moves money once.

    An implementation gives up after 2 s: processing lives 6 s, and has to write down what it heard.
    `repeated`: this may have been asked for before, and the answer is then the one it got. Both raise `OutcomeUnknown`
    when nobody knows, any other `DependencyUnavailable` when nothing has happened.
    """

    def authorize(self, *, payment_id: str, token: str, money: Money, repeated: bool) -> str | None:
        """Authorise `money`: None when approved, else the reason for the decline."""
        ...

    def execute(self, operation: AcquirerOperation, *, repeated: bool) -> str | None:
        """Capture, void or refund: None when done, else the reason why not."""
        ...


class SandboxAcquirer:
    """Does what the amount, or else the token's test card, stands for.

    The answer depends on nothing else, so repeating is safe.
    """

    def authorize(self, *, payment_id: str, token: str, money: Money, repeated: bool) -> str | None:  # noqa: ARG002
        try:
            by_card = sandbox_outcome(token)
        except ValueError:
            raise _unavailable("The acquirer does not know this token.") from None
        return _answer(TEST_AMOUNTS.get(money.amount_minor, by_card), repeated=repeated)

    def execute(self, operation: AcquirerOperation, *, repeated: bool) -> str | None:
        outcome = TEST_AMOUNTS.get(operation.money.amount_minor, SandboxOutcome.APPROVE)
        return _answer(outcome, repeated=repeated)


def _answer(outcome: SandboxOutcome, *, repeated: bool) -> str | None:
    if outcome is SandboxOutcome.UNAVAILABLE and not repeated:
        raise _unavailable("The acquirer timed out before it took the order. Retry with the same key.")
    if outcome in (SandboxOutcome.APPROVE, SandboxOutcome.UNAVAILABLE):
        return None
    if outcome in (SandboxOutcome.UNKNOWN_THEN_APPROVED, SandboxOutcome.UNKNOWN_THEN_DECLINED):
        if not repeated:
            raise OutcomeUnknown
        return None if outcome is SandboxOutcome.UNKNOWN_THEN_APPROVED else SandboxOutcome.CARD_DECLINED.value
    return outcome.value


def _unavailable(message: str) -> DependencyUnavailable:
    return DependencyUnavailable(ErrorCode.ACQUIRER_UNAVAILABLE, message)
