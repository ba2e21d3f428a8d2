"""Keyed fingerprints: one that recognises a card, one that recognises a request. Never a plain hash over card data."""

import hmac
import json
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, Protocol

from payment_core.aws import dependency
from payment_core.errors import ErrorCode
from payment_validation.payment_request import PaymentRequest

# Each use of the key has its own prefix, so that no output of one can pass for an output of another.
_CARD = b"card-fingerprint/v1\n"
_REQUEST_KEY = b"request-fingerprint-key/v1"


class KmsClient(Protocol):
    """The part of boto3's KMS client that is used here."""

    def generate_mac(self, *, KeyId: str, MacAlgorithm: Literal["HMAC_SHA_256"], Message: bytes) -> Any: ...  # noqa: N803


class Fingerprints:
    """Fingerprints under the KMS key `key_id`, as hexadecimal text. Raises `DependencyUnavailable`."""

    def __init__(self, *, kms: KmsClient, key_id: str) -> None:
        self._kms = kms
        self._key_id = key_id

    def of_card(self, number: str) -> str:
        """The same for the same number, and of no use to anyone without the key (PCI DSS 3.5.1.1)."""
        return self._mac(_CARD + number.encode("ascii")).hex()

    def of_request(self, payment: PaymentRequest, *, card_fingerprint: str) -> str:
        """The same for the same payment, however its JSON is written.

        The security code is left out: this value is stored, and nothing derived from a CVV may be (PCI DSS 3.3.1).
        """
        canonical = [
            payment.money.amount_minor,
            payment.money.currency,
            payment.customer_id,
            card_fingerprint,
            payment.card.expiry_month,
            payment.card.expiry_year,
            # Only where it is there: requests of before are recognised by what they had.
            *([payment.billing_country] if payment.billing_country is not None else []),
        ]
        return hmac.new(self._request_key, json.dumps(canonical).encode("utf-8"), sha256).hexdigest()

    @cached_property
    def _request_key(self) -> bytes:
        """Derived from the KMS key once per worker, which saves a round trip per payment."""
        return self._mac(_REQUEST_KEY)

    def _mac(self, message: bytes) -> bytes:
        with dependency(ErrorCode.FINGERPRINT_UNAVAILABLE, "Nothing was charged. Retry with the same key."):
            answer = self._kms.generate_mac(KeyId=self._key_id, MacAlgorithm="HMAC_SHA_256", Message=message)
            return bytes(answer["Mac"])
