"""The processing function's use case with fakes behind its ports; the DynamoDB adapters are the real ones."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from payment_core.errors import DependencyUnavailable, ErrorCode, PaymentError
from payment_core.http import Response
from payment_core.money import Money
from payment_core.sandbox import SandboxOutcome, sandbox_token
from tests.functions.dynamodb import FakeDynamoDb
from transaction_processing.acquirer import AcquirerOperation, SandboxAcquirer
from transaction_processing.authorization import Authorization
from transaction_processing.changes import PaymentChange
from transaction_processing.customers import Customer, CustomerStatus, CustomerTerms
from transaction_processing.dynamodb_idempotency import DynamoDbIdempotencyStore
from transaction_processing.dynamodb_ledger import DynamoDbLedger
from transaction_processing.fraud import FraudAssessment, FraudQuestion, Unscored, Verdict
from transaction_processing.operations import Operation
from transaction_processing.payments import AuthorizePayment, MaskedCard
from transaction_processing.sweeping import Sweeper, Swept

EXPIRES_AFTER = timedelta(days=7)
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
TERMS = CustomerTerms(
    status=CustomerStatus.ACTIVE, currency="USD", per_payment_limit_minor=5_000, daily_limit_minor=20_000
)
ORDER = AuthorizePayment(
    merchant_id="555555555555:AROAMERCHANT",
    idempotency_key="key-1",
    request_fingerprint="fingerprint-of-the-body",
    customer_id="cus_1",
    money=Money(amount_minor=1099, currency="USD"),
    token=sandbox_token(SandboxOutcome.APPROVE, "n1"),
    card=MaskedCard(brand="visa", bin="424242", last_four="4242"),
    fingerprint="fp",
    correlation_id="c-1",
)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step


class FakeCustomers:
    """Implements `CustomerStore`."""

    def __init__(self) -> None:
        self.customers: dict[tuple[str, str], Customer] = {}
        self.available = True

    def find(self, *, merchant_id: str, customer_id: str) -> Customer | None:
        if not self.available:
            raise DependencyUnavailable(ErrorCode.DATABASE_UNAVAILABLE, "Nothing was written.")
        return self.customers.get((merchant_id, customer_id))

    def put(self, *, merchant_id: str, customer_id: str, terms: CustomerTerms) -> Customer:
        customer = Customer(
            customer_id=customer_id, merchant_id=merchant_id, terms=terms, created_at=START, updated_at=START
        )
        self.customers[merchant_id, customer_id] = customer
        return customer


@dataclass
class FakeFraud:
    """Implements `FraudScorer`."""

    assessment: FraudAssessment = field(
        default_factory=lambda: FraudAssessment(verdict=Verdict.APPROVE, score=12, reasons=("a_little_odd",))
    )
    available: bool = True

    def ask(self, question: FraudQuestion) -> Callable[[], FraudAssessment]:
        return self._answer

    def _answer(self) -> FraudAssessment:
        if not self.available:
            raise DependencyUnavailable(ErrorCode.FRAUD_UNAVAILABLE, "Nothing was charged.")
        return self.assessment


class Killed(BaseException):
    """The worker is gone: nothing of it runs any more."""


class FakeAcquirer:
    """Implements `Acquirer` with the sandbox, and counts what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.executed: list[AcquirerOperation] = []
        self.failure: BaseException | None = None
        self._sandbox = SandboxAcquirer()

    def authorize(self, *, payment_id: str, token: str, money: Money, repeated: bool) -> str | None:
        self.asked.append(payment_id)
        if self.failure is not None:
            raise self.failure
        return self._sandbox.authorize(payment_id=payment_id, token=token, money=money, repeated=repeated)

    def execute(self, operation: AcquirerOperation, *, repeated: bool) -> str | None:
        self.executed.append(operation)
        if self.failure is not None:
            raise self.failure
        return self._sandbox.execute(operation, repeated=repeated)


class FakeFailures:
    """Implements `FailureNotifier`."""

    def __init__(self) -> None:
        self.codes: list[ErrorCode] = []
        self.retryable: list[bool] = []

    def notify(self, *, payment_id: str, merchant_id: str, correlation_id: str, failure: PaymentError) -> None:
        self.codes.append(failure.code)
        self.retryable.append(failure.retryable)


class Processing:
    """One environment's processing; `authorize` is what one of its workers does."""

    def __init__(self) -> None:
        self.dynamodb = FakeDynamoDb()
        self.clock = Clock()
        self.customers = FakeCustomers()
        self.fraud = FakeFraud()
        self.open_up_to_minor = 0
        self.scores: list[Unscored | None] = []
        self.acquirer = FakeAcquirer()
        self.failures = FakeFailures()
        self.pauses: list[float] = []
        self.idempotency = DynamoDbIdempotencyStore(
            client=self.dynamodb, table_name="idempotency", pause=self.pauses.append
        )
        self.ledger = DynamoDbLedger(client=self.dynamodb, table_name="transactions", idempotency=self.idempotency)
        self.customers.put(merchant_id=ORDER.merchant_id, customer_id="cus_1", terms=TERMS)

    def authorize(self, order: AuthorizePayment = ORDER) -> Response:
        return Authorization(
            idempotency=self.idempotency,
            ledger=self.ledger,
            customers=self.customers,
            fraud=self.fraud,
            open_up_to_minor=self.open_up_to_minor,
            count_score=self.scores.append,
            acquirer=self.acquirer,
            failures=self.failures,
            clock=self.clock,
        ).authorize(order)

    def sweep(self) -> Swept:
        return self.sweeper().sweep()

    def sweeper(self) -> Sweeper:
        return Sweeper(
            ledger=self.ledger,
            acquirer=self.acquirer,
            failures=self.failures,
            clock=self.clock,
            expires_after=EXPIRES_AFTER,
            pause=lambda seconds: self.clock.advance(timedelta(seconds=seconds)),
        )

    def change(self, what: Operation, *, merchant_id: str = ORDER.merchant_id) -> Response:
        return PaymentChange(
            idempotency=self.idempotency,
            ledger=self.ledger,
            acquirer=self.acquirer,
            failures=self.failures,
            clock=self.clock,
            expires_after=EXPIRES_AFTER,
        ).change(what, merchant_id=merchant_id, correlation_id="c-1")

    def refusal(self, order: AuthorizePayment = ORDER) -> ErrorCode:
        """The code that an authorisation fails with."""
        try:
            answer = self.authorize(order)
        except PaymentError as error:
            return error.code
        raise AssertionError(f"expected a refusal, got {answer}")

    def set_terms(self, **changes: object) -> None:
        terms = replace(TERMS, **changes)  # type: ignore[arg-type]
        self.customers.put(merchant_id=ORDER.merchant_id, customer_id="cus_1", terms=terms)

    def payments(self) -> list[dict[str, object]]:
        return [item for item in self.dynamodb.items("transactions") if item["sk"] == "META"]

    def history(self) -> list[str]:
        """The states of all events in their order, without those of operations that began or were refused."""
        events = [
            item
            for item in self.dynamodb.items("transactions")
            if item["sk"].startswith("EVT#") and item.get("operation_status", "done") == "done"
        ]
        return [event["state"] for event in sorted(events, key=lambda event: event["sk"])]


def document(response: Response) -> dict[str, object]:
    """A response's JSON body."""
    parsed: dict[str, object] = json.loads(response.body)
    return parsed
