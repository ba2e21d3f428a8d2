"""Asking the fraud function of one's own colour, for as long as a payment can wait."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Any, Protocol

from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.invocation import InvocationFailed, LambdaClient, invoke
from payment_core.release_identity import Colour

UNCHECKED_REASON = "fraud_unavailable"


class Verdict(StrEnum):
    """UNCHECKED: nobody answered in time, and the amount was small enough to go on without."""

    APPROVE = "approve"
    REVIEW = "review"
    DECLINE = "decline"
    UNCHECKED = "unchecked"


class Unscored(StrEnum):
    """What becomes of a payment whose score did not come in time; metrics call it so."""

    LET_THROUGH = "let_through"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class FraudAssessment:
    """`score` is 0 to 100, None where there is none; `reasons` say what it is made of, the weightiest first."""

    verdict: Verdict
    score: int | None
    reasons: tuple[str, ...]

    @classmethod
    def unchecked(cls) -> "FraudAssessment":
        """What stands in for an assessment that did not come."""
        return cls(verdict=Verdict.UNCHECKED, score=None, reasons=(UNCHECKED_REASON,))

    @property
    def flagged(self) -> bool:
        """Whether a person should look at the payment before it is captured."""
        return self.verdict in (Verdict.REVIEW, Verdict.UNCHECKED)

    @property
    def decline_reason(self) -> str | None:
        """What the merchant is told. Only that something was tried too often: the rest would teach how to get past."""
        if self.verdict is not Verdict.DECLINE:
            return None
        too_often = any(reason.endswith("velocity_exceeded") for reason in self.reasons)
        return "velocity_exceeded" if too_often else "fraud_suspected"


@dataclass(frozen=True, kw_only=True)
class FraudQuestion:
    """What fraud detection gets to know about an attempt to pay."""

    payment_id: str
    merchant_id: str
    customer_id: str
    fingerprint: str
    bin: str
    amount_minor: int
    currency: str
    billing_country: str | None
    source_address: str | None
    correlation_id: str


class FraudScorer(Protocol):
    """The port to fraud detection."""

    def ask(self, question: FraudQuestion) -> Callable[[], FraudAssessment]:
        """Begin to assess one attempt to pay; what is returned waits for the rest of the budget.

        It raises `DependencyUnavailable`: an answer that is late is none. Asking twice counts one attempt.
        """
        ...


class FraudFunction:
    """Fraud detection as a Lambda function, asked in the background so that other questions can be asked meanwhile."""

    def __init__(
        self,
        *,
        lambda_client: LambdaClient,
        function_name: str,
        colour: Colour,
        budget_seconds: float,
        executor: Executor,
    ) -> None:
        self._lambda = lambda_client
        self._function_name = function_name
        self._colour = colour
        self._budget_seconds = budget_seconds
        self._executor = executor

    def ask(self, question: FraudQuestion) -> Callable[[], FraudAssessment]:
        deadline = monotonic() + self._budget_seconds
        asked = self._executor.submit(self._invoke, {"operation": "score", **vars(question)})

        def wait() -> FraudAssessment:
            try:
                answer = asked.result(timeout=max(0.0, deadline - monotonic()))
                return FraudAssessment(
                    verdict=_VERDICTS[answer["decision"]],
                    score=int(answer["score"]),
                    reasons=tuple(answer["reasons"]),
                )
            except (InvocationFailed, TimeoutError, KeyError) as error:
                asked.cancel()
                raise DependencyUnavailable(
                    ErrorCode.FRAUD_UNAVAILABLE, "Nothing was charged. Retry with the same key."
                ) from error

        return wait

    def _invoke(self, payload: dict[str, object]) -> dict[str, Any]:
        return invoke(self._lambda, function_name=self._function_name, colour=self._colour, payload=payload)


# What another function may say: it cannot decide that nobody was asked.
_VERDICTS = {verdict.value: verdict for verdict in (Verdict.APPROVE, Verdict.REVIEW, Verdict.DECLINE)}
