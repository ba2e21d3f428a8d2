"""The port to where payments are written, together with the answers they lead to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from transaction_processing.idempotency import Completion
from transaction_processing.operations import Operation
from transaction_processing.payments import Payment


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a page ended."""

    created_at: str
    payment_id: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """`following` is where the next page begins, if there may be one."""

    payments: list[Payment]
    following: Position | None


@dataclass(frozen=True, kw_only=True)
class Found:
    """A payment as an index names it. It was changed last at `since` (RFC 3339); what it is now, `find` tells."""

    payment_id: str
    merchant_id: str
    since: str


@dataclass(frozen=True, kw_only=True)
class OperationStatus:
    """What has become of an operation; `refusal` is the acquirer's reason where it declined."""

    pending: bool
    refusal: str | None


class Ledger(Protocol):
    """Every write is one transaction: the payment, one event per step, and the completion if one is given.

    Everything raises `DependencyUnavailable`, which says nothing about whether a write has happened.
    """

    def find(self, payment_id: str) -> Payment | None:
        """The payment as of all acknowledged writes."""
        ...

    def create(
        self,
        steps: list[Payment],
        *,
        correlation_id: str,
        completion: Completion | None = None,
        daily_limit_minor: int | None = None,
    ) -> None:
        """Write a payment that has gone through `steps` so far. Raises `KeyAlreadyUsed` where there is one already.

        With a limit the payment counts towards its customer's day (UTC): raises `DailyLimitExceeded` where the day's
        payments would sum up to more. `advance` gives the amount back when the payment is declined or voided on the
        same day.
        """
        ...

    def advance(
        self,
        before: Payment,
        after: Payment,
        *,
        correlation_id: str,
        completion: Completion | None = None,
        refusal: str | None = None,
    ) -> None:
        """Write one step; an operation that begins or ends with it is put on record, with its `refusal` if it has one.

        Raises `ConcurrentChange` unless the payment is exactly as it was `before`, and `KeyAlreadyUsed` where the
        operation that would begin is on record.
        """
        ...

    def status_of(self, operation: Operation) -> OperationStatus | None:
        """What has become of `operation`, None if it never began. Outlives the idempotency key."""
        ...

    def open_before(self, moment: datetime) -> Iterator[Found]:
        """Payments made before `moment` that wait for the acquirer, a page at a time as they are asked for.

        The index is behind the table: what is found may have been settled since.
        """
        ...

    def authorized_before(self, moment: datetime) -> Iterator[Found]:
        """Payments made before `moment` that are authorised and not captured, as `open_before` finds them."""
        ...

    def of_customer(
        self, *, merchant_id: str, customer_id: str, since: datetime | None, limit: int, after: Position | None
    ) -> Page:
        """The customer's payments in the order of their creation, a page at a time.

        What was written a moment ago may not be there yet.
        """
        ...


class DailyLimitExceeded(Exception):
    """The customer's payments of the day leave no room for this one; nothing was written."""


class ConcurrentChange(Exception):
    """Somebody else moved the payment, or finished the request, in the meantime."""
