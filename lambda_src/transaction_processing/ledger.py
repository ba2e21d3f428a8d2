"""The port to where payments are written, together with the answers they lead to."""

from typing import Protocol

from transaction_processing.idempotency import Completion
from transaction_processing.payments import Payment


class Ledger(Protocol):
    """Every write is one transaction: the payment, one event per step, and the completion if one is given.

    Everything raises `DependencyUnavailable`, which says nothing about whether a write has happened.
    """

    def find(self, payment_id: str) -> Payment | None:
        """The payment as of all acknowledged writes."""
        ...

    def create(self, steps: list[Payment], *, correlation_id: str, completion: Completion | None = None) -> None:
        """Write a payment that has gone through `steps` so far. Raises `KeyAlreadyUsed` where there is one already."""
        ...

    def advance(
        self, before: Payment, after: Payment, *, correlation_id: str, completion: Completion | None = None
    ) -> None:
        """Write one step. Raises `ConcurrentChange` unless the payment is exactly as it was `before`."""
        ...


class ConcurrentChange(Exception):
    """Somebody else moved the payment, or finished the request, in the meantime."""
