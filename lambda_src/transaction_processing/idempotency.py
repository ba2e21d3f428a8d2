"""Idempotency keys: one request in flight, one answer, repeated to the byte."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

# Published: for this long a key replays its answer. Afterwards it is used up, but its answer is gone.
KEEP = timedelta(hours=24)
# Longer than a function can live, so that whoever takes over a key takes it from the dead.
LEASE = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a key belongs to: the same key elsewhere is another key."""

    merchant_id: str
    method: str
    path: str
    key: str

    @property
    def record_id(self) -> str:
        """A fixed-length name for the scope, whatever a caller puts into the key."""
        parts = json.dumps([self.merchant_id, self.method, self.path, self.key])
        return f"IDEM#{hashlib.sha256(parts.encode()).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to serve a key until its lease ends. `resumed`: somebody began before and never finished."""

    scope: Scope
    request_fingerprint: str
    owner: str
    resumed: bool


@dataclass(frozen=True, kw_only=True)
class StoredAnswer:
    """What the first request with the key was told."""

    status: int
    body: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Completion:
    """The answer that a claim ends with."""

    claim: Claim
    answer: StoredAnswer


class IdempotencyStore(Protocol):
    """The port to where keys are remembered. Everything raises `DependencyUnavailable`."""

    def claim(self, scope: Scope, *, request_fingerprint: str, now: datetime) -> Claim | StoredAnswer:
        """Claim the key, or return the answer it already has.

        Raises `IdempotencyKeyReused` for another body and `IdempotencyInFlight` while another claim's lease runs.
        """
        ...

    def peek(self, scope: Scope, *, request_fingerprint: str, now: datetime) -> StoredAnswer | None:
        """The answer that the key already has, without a write. Raises as `claim` does."""
        ...

    def release(self, claim: Claim) -> None:
        """Forget the key: nothing was written under it, and it may be used as if it were new."""
        ...

    def suspend(self, claim: Claim) -> None:
        """End the lease now: something may have been written, and the next request with the key has to finish it."""
        ...

    def complete(self, completion: Completion) -> None:
        """Store the answer of a payment that is on record already. Does nothing when the claim was lost."""
        ...
