"""What payments, events and operations look like in the table."""

from datetime import datetime
from typing import Any

from payment_core.clock import timestamp
from payment_core.money import Money
from transaction_processing.fraud import FraudAssessment, Verdict
from transaction_processing.ledger import Found
from transaction_processing.payments import MaskedCard, Payment
from transaction_processing.pending import OperationKind, PendingOperation
from transaction_processing.states import UNSETTLED_STATES, PaymentState

# Index partitions are spread, so that one busy merchant or one bad minute does not throttle the table.
SHARDS = 8
# Kinds of the partitions of the index of open payments: what waits for the acquirer, and what will expire one day.
OPEN, AUTHORIZED = "open", "authorized"
# What an operation is on record as.
PENDING, DONE, REFUSED = "pending", "done", "refused"


def end_of(refusal: str | None) -> str:
    """What an operation is on record as when it has ended."""
    return DONE if refusal is None else REFUSED


def operation_key(payment_id: str, operation_id: str) -> dict[str, str]:
    """Where the record of an operation is."""
    return {"pk": f"PAY#{payment_id}", "sk": f"OP#{operation_id}"}


def _open_shard(payment: Payment, shard: int) -> str | None:
    if payment.pending is not None or payment.state in UNSETTLED_STATES:
        return f"{OPEN}#{shard}"
    return f"{AUTHORIZED}#{shard}" if payment.held_minor else None


def meta_key(payment_id: str) -> dict[str, str]:
    """Where a payment's present is."""
    return {"pk": f"PAY#{payment_id}", "sk": "META"}


def _fraud(payment: Payment) -> dict[str, object]:
    if payment.fraud is None:
        return {}
    return {
        "fraud_verdict": str(payment.fraud.verdict),
        "fraud_score": payment.fraud.score,
        "fraud_reasons": list(payment.fraud.reasons),
    }


def to_meta(payment: Payment) -> dict[str, object]:
    """The present of a payment."""
    created_at = timestamp(payment.created_at)
    shard = int(payment.payment_id[-4:], 16) % SHARDS
    return {
        **meta_key(payment.payment_id),
        "payment_id": payment.payment_id,
        "merchant_id": payment.merchant_id,
        "customer_id": payment.customer_id,
        "amount_minor": payment.money.amount_minor,
        "currency": payment.money.currency,
        "brand": payment.card.brand,
        "bin": payment.card.bin,
        "last_four": payment.card.last_four,
        "fingerprint": payment.fingerprint,
        "token": payment.token,
        "state": str(payment.state),
        "version": payment.version,
        "created_at": created_at,
        "updated_at": timestamp(payment.updated_at),
        "decline_reason": payment.decline_reason,
        "captured_minor": payment.captured_minor,
        "refunded_minor": payment.refunded_minor,
        "released_minor": payment.released_minor,
        "counted": int(payment.counted),
        **_fraud(payment),
        # The release before this one reads it; it can go when that one is no way back any more.
        "fraud_approved": int(payment.fraud.verdict is not Verdict.DECLINE) if payment.fraud else None,
        "customer_key": f"{payment.merchant_id}#{payment.customer_id}",
        "merchant_day_shard": f"{payment.merchant_id}#{created_at[:10]}#{shard}",
        # Sparse: only payments that somebody has to move on are in this index.
        "open_shard": _open_shard(payment, shard),
        "pending_operation_id": payment.pending.operation_id if payment.pending else None,
        "pending_kind": str(payment.pending.kind) if payment.pending else None,
        "pending_amount_minor": payment.pending.amount_minor if payment.pending else None,
    }


def from_meta(meta: dict[str, Any]) -> Payment:
    """The payment that `to_meta` wrote, in this release or the one before."""
    fraud = None
    if "fraud_reasons" in meta:
        before = Verdict.APPROVE if meta.get("fraud_approved", 1) else Verdict.DECLINE
        fraud = FraudAssessment(
            verdict=Verdict(meta.get("fraud_verdict", before)),
            score=meta.get("fraud_score"),
            reasons=tuple(meta["fraud_reasons"]),
        )
    pending = None
    if "pending_operation_id" in meta:
        pending = PendingOperation(
            operation_id=meta["pending_operation_id"],
            kind=OperationKind(meta["pending_kind"]),
            amount_minor=meta["pending_amount_minor"],
        )
    return Payment(
        payment_id=meta["payment_id"],
        merchant_id=meta["merchant_id"],
        customer_id=meta["customer_id"],
        money=Money(amount_minor=meta["amount_minor"], currency=meta["currency"]),
        card=MaskedCard(brand=meta["brand"], bin=meta["bin"], last_four=meta["last_four"]),
        fingerprint=meta["fingerprint"],
        token=meta["token"],
        state=PaymentState(meta["state"]),
        version=meta["version"],
        created_at=datetime.fromisoformat(meta["created_at"]),
        updated_at=datetime.fromisoformat(meta["updated_at"]),
        fraud=fraud,
        decline_reason=meta.get("decline_reason"),
        captured_minor=meta.get("captured_minor", 0),
        refunded_minor=meta.get("refunded_minor", 0),
        released_minor=meta.get("released_minor", 0),
        counted=bool(meta.get("counted", 0)),
        pending=pending,
    )


def found_in(meta: dict[str, Any]) -> Found:
    """What an index tells of a payment: only what an item has for being in it, whatever else is wrong with it."""
    return Found(
        payment_id=meta["pk"].removeprefix("PAY#"),
        merchant_id=meta.get("merchant_id", ""),
        since=meta.get("updated_at", meta["created_at"]),
    )


def event_item(
    payment: Payment,
    correlation_id: str,
    *,
    begins: PendingOperation | None,
    ends: PendingOperation | None,
    refusal: str | None,
) -> dict[str, object]:
    """One step of a payment, and the operation that begins or ends with it."""
    operation = begins or ends
    return {
        "pk": f"PAY#{payment.payment_id}",
        "sk": f"EVT#{payment.version:06d}",
        "state": str(payment.state),
        "version": payment.version,
        "at": timestamp(payment.updated_at),
        "amount_minor": payment.money.amount_minor,
        "currency": payment.money.currency,
        "captured_minor": payment.captured_minor,
        "refunded_minor": payment.refunded_minor,
        "released_minor": payment.released_minor,
        "decline_reason": payment.decline_reason,
        **_fraud(payment),
        "operation_id": operation.operation_id if operation else None,
        "operation": str(operation.kind) if operation else None,
        "operation_amount_minor": operation.amount_minor if operation else None,
        "operation_status": (PENDING if begins else end_of(refusal)) if operation else None,
        "operation_refusal": refusal,
        "correlation_id": correlation_id,
    }


def operation_item(payment_id: str, operation: PendingOperation) -> dict[str, object]:
    """The record of an operation that begins."""
    return {
        **operation_key(payment_id, operation.operation_id),
        "kind": str(operation.kind),
        "amount_minor": operation.amount_minor,
        "status": PENDING,
    }
