"""What a payment waits for at the acquirer after it was authorised."""

from dataclasses import dataclass
from enum import StrEnum


class OperationKind(StrEnum):
    """The names of what merchants can ask for are the last segments of the API's paths."""

    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refunds"
    # Nobody's request: the authorisation is too old.
    EXPIRY = "expiry"


MERCHANT_OPERATIONS = (OperationKind.CAPTURE, OperationKind.VOID, OperationKind.REFUND)


@dataclass(frozen=True, kw_only=True)
class PendingOperation:
    """An operation that is on record and whose outcome is not: a payment has one at a time.

    The acquirer knows it by `operation_id`, so asking again moves nothing twice.
    """

    operation_id: str
    kind: OperationKind
    amount_minor: int

    def view(self) -> dict[str, object]:
        """What its merchant sees."""
        return {"kind": self.kind, "amount_minor": self.amount_minor}
