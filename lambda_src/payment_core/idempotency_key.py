"""The `Idempotency-Key` header, which every POST needs."""

import re
from collections.abc import Mapping

from payment_core.errors import ErrorCode, InvalidRequest

MAXIMUM_LENGTH = 255
_PRINTABLE_ASCII = re.compile(r"[\x21-\x7e]+")


def idempotency_key(headers: Mapping[str, str]) -> str:
    """The request's key. Raises `InvalidRequest` where there is none, or none that can be kept."""
    key = headers.get("idempotency-key", "").strip()
    if not key:
        raise InvalidRequest(
            ErrorCode.IDEMPOTENCY_KEY_MISSING,
            "The request needs an Idempotency-Key header, so that a retry cannot move money twice.",
            field="Idempotency-Key",
        )
    if len(key) > MAXIMUM_LENGTH or not _PRINTABLE_ASCII.fullmatch(key):
        raise InvalidRequest(
            ErrorCode.IDEMPOTENCY_KEY_INVALID,
            f"The key must be 1 to {MAXIMUM_LENGTH} printable ASCII characters without spaces.",
            field="Idempotency-Key",
        )
    return key
