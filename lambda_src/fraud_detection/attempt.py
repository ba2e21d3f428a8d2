"""One attempt to pay, as processing asks about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """`bin` is the card number's first six digits; `source_address` is where the API saw the request come from."""

    payment_id: str
    merchant_id: str
    customer_id: str
    fingerprint: str
    bin: str
    amount_minor: int
    billing_country: str | None
    source_address: str | None

    @classmethod
    def parse(cls, payload: Mapping[str, Any]) -> "Attempt":
        """Raises `KeyError` when processing and fraud detection do not speak the same language."""
        return cls(
            payment_id=payload["payment_id"],
            merchant_id=payload["merchant_id"],
            customer_id=payload["customer_id"],
            fingerprint=payload["fingerprint"],
            bin=payload["bin"],
            amount_minor=payload["amount_minor"],
            billing_country=payload.get("billing_country"),
            source_address=payload.get("source_address"),
        )

    @property
    def subjects(self) -> dict[str, str]:
        """What is counted and can be blocked, by kind. A customer's id means something to its merchant only."""
        found = {"card": self.fingerprint, "customer": f"{self.merchant_id}#{self.customer_id}"}
        if self.source_address is not None:
            found["address"] = self.source_address
        return found
