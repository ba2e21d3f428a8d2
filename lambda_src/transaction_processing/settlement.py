"""Asking the acquirer for what a payment waits for, whoever comes to ask."""

from dataclasses import dataclass
from datetime import datetime

from payment_core.money import Money
from transaction_processing import operations
from transaction_processing.acquirer import Acquirer, AcquirerOperation
from transaction_processing.payments import Payment


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The payment afterwards; `refusal` is the acquirer's reason where it declined."""

    payment: Payment
    refusal: str | None


def settle(acquirer: Acquirer, payment: Payment, *, repeated: bool, at: datetime) -> Settled:
    """Have the pending operation done. Raises `DependencyUnavailable`: it stays pending then."""
    pending = payment.pending
    if pending is None:
        raise ValueError("nothing is pending")
    order = AcquirerOperation(
        operation_id=pending.operation_id,
        payment_id=payment.payment_id,
        kind=pending.kind,
        token=payment.token,
        money=Money(amount_minor=pending.amount_minor, currency=payment.money.currency),
    )
    refusal = acquirer.execute(order, repeated=repeated)
    after = operations.done if refusal is None else operations.refused
    return Settled(payment=after(payment, at=at), refusal=refusal)
