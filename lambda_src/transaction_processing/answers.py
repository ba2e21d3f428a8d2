"""Answers that are kept with their idempotency key, and what becomes of a key that got none."""

import json
from collections.abc import Callable, Mapping

from payment_core import logs
from payment_core.errors import DependencyUnavailable
from payment_core.http import Response
from payment_core.problem import CONTENT_TYPE as PROBLEM_TYPE
from transaction_processing.idempotency import Claim, Completion, StoredAnswer
from transaction_processing.payments import Payment

# What a stored answer is, its status says.
FIRST_PROBLEM_STATUS = 400


def completion_of(claim: Claim, payment: Payment, *, status: int) -> Completion:
    """The claim ended with `payment` as its answer."""
    body = json.dumps(payment.view(), separators=(",", ":"))
    return Completion(claim=claim, answer=StoredAnswer(status=status, body=body))


def answer(
    stored: StoredAnswer, *, outcome: str, headers: Mapping[str, str] | None = None, flags: tuple[str, ...] = ()
) -> Response:
    """A stored answer as a response."""
    return Response(
        status=stored.status,
        headers={
            "Content-Type": PROBLEM_TYPE if stored.status >= FIRST_PROBLEM_STATUS else "application/json",
            **(headers or {}),
        },
        body=stored.body,
        outcome=outcome,
        flags=flags,
    )


def replayed(stored: StoredAnswer) -> Response:
    """The same answer once more, which says so."""
    return answer(stored, outcome="replayed", headers={"Idempotent-Replayed": "true"})


def let_go(give_back: Callable[[Claim], None], claim: Claim) -> None:
    """Give the key back as well as possible; failing that, its lease runs out by itself."""
    try:
        give_back(claim)
    except DependencyUnavailable as failure:
        logs.error("idempotency_key_not_released", **logs.describe(failure))
