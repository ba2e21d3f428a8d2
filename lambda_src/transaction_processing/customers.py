"""Customers of a merchant, and whether one of them may pay."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from payment_core.clock import timestamp
from payment_core.money import Money


class CustomerStatus(StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"


@dataclass(frozen=True, kw_only=True)
class CustomerTerms:
    """What a merchant sets. Limits are in the minor unit of `currency`."""

    status: CustomerStatus
    currency: str
    per_payment_limit_minor: int
    daily_limit_minor: int


@dataclass(frozen=True, kw_only=True)
class Customer:
    """Times are UTC."""

    customer_id: str
    merchant_id: str
    terms: CustomerTerms
    created_at: datetime
    updated_at: datetime

    def view(self) -> dict[str, object]:
        """What its merchant sees."""
        return {
            "customer_id": self.customer_id,
            "status": self.terms.status,
            "currency": self.terms.currency,
            "per_payment_limit_minor": self.terms.per_payment_limit_minor,
            "daily_limit_minor": self.terms.daily_limit_minor,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
        }


class CustomerStore(Protocol):
    """The port to the customers. Everything raises `DependencyUnavailable`, at the latest after the time-out."""

    def find(self, *, merchant_id: str, customer_id: str) -> Customer | None:
        """The merchant's customer, never another merchant's."""
        ...

    def put(self, *, merchant_id: str, customer_id: str, terms: CustomerTerms) -> Customer:
        """Create the customer or replace its terms."""
        ...


def decline_reason(customer: Customer | None, money: Money) -> str | None:
    """Why this customer may not pay `money`, or None.

    A limit says nothing about another currency. The daily limit is applied to the payment by itself here; the day's sum
    is the ledger's.
    """
    if customer is None:
        return "customer_unknown"
    if customer.terms.status is CustomerStatus.BLOCKED:
        return "customer_blocked"
    if money.currency != customer.terms.currency:
        return "customer_currency"
    if money.amount_minor > min(customer.terms.per_payment_limit_minor, customer.terms.daily_limit_minor):
        return "customer_limit"
    return None
