"""Asking the fraud function of one's own colour."""

from dataclasses import dataclass
from typing import Protocol

from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.invocation import InvocationFailed, LambdaClient, invoke
from payment_core.money import Money
from payment_core.release_identity import Colour


@dataclass(frozen=True, kw_only=True)
class FraudAssessment:
    """`score` is 0 to 100; `reasons` say what it is made of, the weightiest first."""

    approved: bool
    score: int
    reasons: tuple[str, ...]


class FraudScorer(Protocol):
    """The port to fraud detection."""

    def score(self, *, fingerprint: str, customer_id: str, money: Money, correlation_id: str) -> FraudAssessment:
        """Assess one attempt to pay. Raises `DependencyUnavailable`: no answer is no approval."""
        ...


class FraudFunction:
    """Fraud detection as a Lambda function."""

    def __init__(self, *, lambda_client: LambdaClient, function_name: str, colour: Colour) -> None:
        self._lambda = lambda_client
        self._function_name = function_name
        self._colour = colour

    def score(self, *, fingerprint: str, customer_id: str, money: Money, correlation_id: str) -> FraudAssessment:
        payload = {
            "operation": "score",
            "fingerprint": fingerprint,
            "customer_id": customer_id,
            "amount_minor": money.amount_minor,
            "currency": money.currency,
            "correlation_id": correlation_id,
        }
        try:
            answer = invoke(self._lambda, function_name=self._function_name, colour=self._colour, payload=payload)
            return FraudAssessment(
                approved={"approve": True, "decline": False}[answer["decision"]],
                score=int(answer["score"]),
                reasons=tuple(answer["reasons"]),
            )
        except (InvocationFailed, KeyError) as error:
            raise DependencyUnavailable(
                ErrorCode.FRAUD_UNAVAILABLE, "Nothing was charged. Retry with the same key."
            ) from error
