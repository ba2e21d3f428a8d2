"""Owns the payment: idempotency, customer, fraud decision, acquirer and ledger."""
