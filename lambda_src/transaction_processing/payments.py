"""A payment, what asks for one, and what a merchant gets to see of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from payment_core.clock import timestamp
from payment_core.money import Money
from transaction_processing.fraud import FraudAssessment, FraudQuestion
from transaction_processing.pending import OperationKind, PendingOperation
from transaction_processing.states import HOLDING_STATES, PaymentState, check_transition


class MoneyNotConserved(Exception):
    """A payment whose sums cannot be: a mistake of ours, never of a caller."""


@dataclass(frozen=True, kw_only=True)
class MaskedCard:
    """All that is known of a card here."""

    brand: str
    bin: str
    last_four: str


@dataclass(frozen=True, kw_only=True)
class AuthorizePayment:
    """The order to authorise a payment, as validation hands it on."""

    merchant_id: str
    idempotency_key: str
    request_fingerprint: str
    customer_id: str
    money: Money
    token: str = field(repr=False)
    card: MaskedCard
    fingerprint: str
    billing_country: str | None = None
    source_address: str | None = None
    correlation_id: str

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> "AuthorizePayment":
        """Raises `KeyError` or `InvalidMoney` when validation and processing do not speak the same language."""
        return cls(
            merchant_id=payload["merchant_id"],
            idempotency_key=payload["idempotency_key"],
            request_fingerprint=payload["request_fingerprint"],
            customer_id=payload["customer_id"],
            money=Money(amount_minor=payload["amount_minor"], currency=payload["currency"]),
            token=payload["token"],
            card=MaskedCard(brand=payload["brand"], bin=payload["bin"], last_four=payload["last_four"]),
            fingerprint=payload["fingerprint"],
            billing_country=payload.get("billing_country"),
            source_address=payload.get("source_address"),
            correlation_id=payload["correlation_id"],
        )

    def question(self) -> FraudQuestion:
        """What fraud detection is asked."""
        return FraudQuestion(
            payment_id=self.payment_id,
            merchant_id=self.merchant_id,
            customer_id=self.customer_id,
            fingerprint=self.fingerprint,
            bin=self.card.bin,
            amount_minor=self.money.amount_minor,
            currency=self.money.currency,
            billing_country=self.billing_country,
            source_address=self.source_address,
            correlation_id=self.correlation_id,
        )

    @property
    def payment_id(self) -> str:
        """The one id that this merchant's key can ever lead to: a second payment has nowhere to be written."""
        scope = json.dumps([self.merchant_id, self.idempotency_key])
        return f"pay_{hashlib.sha256(scope.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, kw_only=True)
class Payment:
    """`version` counts the states it has been in, `counted` puts it into its customer's day; times are UTC.

    With `pending` the acquirer has been asked, or is about to be, and the state is still the one before.
    `released_minor` is what was given up of the authorisation after the rest had been captured.
    Never more is refunded than was captured, nor captured or released than was authorised: raises `MoneyNotConserved`.
    """

    payment_id: str
    merchant_id: str
    customer_id: str
    money: Money
    card: MaskedCard
    fingerprint: str
    token: str = field(repr=False)
    state: PaymentState
    version: int
    created_at: datetime
    updated_at: datetime
    fraud: FraudAssessment | None = None
    decline_reason: str | None = None
    captured_minor: int = 0
    refunded_minor: int = 0
    released_minor: int = 0
    counted: bool = False
    pending: PendingOperation | None = None

    def __post_init__(self) -> None:
        refunded = self.refunded_minor + self._pending_minor(OperationKind.REFUND)
        captured = self.captured_minor + self._pending_minor(OperationKind.CAPTURE)
        released = self.released_minor + self._pending_minor(OperationKind.EXPIRY)
        within = 0 <= self.refunded_minor <= refunded <= self.captured_minor <= captured
        if not (within and self.released_minor >= 0 and captured + released <= self.money.amount_minor):
            raise MoneyNotConserved

    @property
    def held_minor(self) -> int:
        """What the issuer may still hold of the authorisation: neither captured nor given up."""
        held = self.money.amount_minor - self.captured_minor - self.released_minor
        return held if self.state in HOLDING_STATES else 0

    def _pending_minor(self, kind: OperationKind) -> int:
        return self.pending.amount_minor if self.pending is not None and self.pending.kind is kind else 0

    @classmethod
    def received(cls, order: AuthorizePayment, *, at: datetime) -> "Payment":
        """The first state of every payment."""
        return cls(
            payment_id=order.payment_id,
            merchant_id=order.merchant_id,
            customer_id=order.customer_id,
            money=order.money,
            card=order.card,
            fingerprint=order.fingerprint,
            token=order.token,
            state=PaymentState.RECEIVED,
            version=1,
            created_at=at,
            updated_at=at,
        )

    def moved_to(self, state: PaymentState, *, at: datetime, decline_reason: str | None = None) -> "Payment":
        """The payment one step later. Raises `IllegalTransition`."""
        check_transition(self.state, state)
        return replace(self, state=state, version=self.version + 1, updated_at=at, decline_reason=decline_reason)

    def settled(self, decline_reason: str | None, *, at: datetime) -> "Payment":
        """The payment after the acquirer's answer. Raises `IllegalTransition`."""
        state = PaymentState.AUTHORIZED if decline_reason is None else PaymentState.DECLINED
        return self.moved_to(state, at=at, decline_reason=decline_reason)

    def view(self) -> dict[str, object]:
        """What its merchant sees."""
        shown: dict[str, object] = {
            "payment_id": self.payment_id,
            "status": self.state,
            "amount_minor": self.money.amount_minor,
            "currency": self.money.currency,
            "customer_id": self.customer_id,
            "card": {"brand": self.card.brand, "bin": self.card.bin, "last_four": self.card.last_four},
            "created_at": timestamp(self.created_at),
            "captured_minor": self.captured_minor,
            "refunded_minor": self.refunded_minor,
        }
        if self.released_minor:
            shown["released_minor"] = self.released_minor
        if self.pending is not None:
            shown["pending_operation"] = self.pending.view()
        if self.fraud is not None and self.fraud.flagged:
            shown["review"] = True
        if self.decline_reason is not None:
            shown["decline_reason"] = self.decline_reason
        return shown
