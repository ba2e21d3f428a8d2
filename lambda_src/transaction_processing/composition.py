"""Where ports meet what implements them, but for PostgreSQL: its driver is for those who ask for customers only."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, cast

import boto3

from payment_core import metrics
from payment_core.aws import client_config
from payment_core.clock import utc_now
from payment_core.configuration import read_configuration
from payment_core.processor import SANDBOX, of_processor
from payment_core.release_identity import Colour
from transaction_processing.acquirer import Acquirer, SandboxAcquirer
from transaction_processing.authorization import Authorization
from transaction_processing.changes import PaymentChange
from transaction_processing.customers import CustomerStore
from transaction_processing.dynamodb_idempotency import DynamoDbIdempotencyStore
from transaction_processing.dynamodb_ledger import DynamoDbLedger
from transaction_processing.failures import FailureTopic
from transaction_processing.fraud import FraudFunction
from transaction_processing.items import DynamoDb
from transaction_processing.ledger import Ledger
from transaction_processing.sweeping import Sweeper

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sns import SNSClient

# Nobody waits that long for a score, but what has been asked ends by itself and takes no thread for good.
FRAUD_READ_SECONDS = 3.5
SCORES_AT_ONCE = 4
ACQUIRERS: Mapping[str, Callable[[], Acquirer]] = {SANDBOX: SandboxAcquirer}


@dataclass(frozen=True, kw_only=True)
class LedgerConfiguration:
    """The parameters that everything here reads."""

    transactions_table_name: str
    idempotency_table_name: str
    failed_transactions_topic_arn: str


@dataclass(frozen=True, kw_only=True)
class ChangeConfiguration(LedgerConfiguration):
    """The parameters that whoever changes an authorised payment reads: merchants' requests, and the sweeper."""

    authorization_expires_days: int

    @property
    def expires_after(self) -> timedelta:
        return timedelta(days=self.authorization_expires_days)


@dataclass(frozen=True, kw_only=True)
class ProcessingConfiguration(LedgerConfiguration):
    """The parameters that the processing function reads."""

    fraud_function_name: str
    fraud_budget_milliseconds: int
    fraud_open_up_to_minor: int


def authorization(colour: Colour, *, customers: CustomerStore) -> Authorization:
    """The use case, configured as of now. Raises `DependencyUnavailable`."""
    configuration = read_configuration(ProcessingConfiguration)
    return Authorization(
        idempotency=_idempotency(configuration),
        ledger=ledger(),
        customers=customers,
        fraud=FraudFunction(
            lambda_client=_lambda_client(),
            function_name=configuration.fraud_function_name,
            colour=colour,
            budget_seconds=configuration.fraud_budget_milliseconds / 1000,
            executor=_executor(),
        ),
        open_up_to_minor=configuration.fraud_open_up_to_minor,
        count_score=partial(metrics.record_score, colour),
        acquirer=_acquirer(),
        failures=_failures(configuration),
        clock=utc_now,
    )


def sweeper() -> Sweeper:
    """The sweeper, configured as of now. Raises `DependencyUnavailable`."""
    configuration = read_configuration(ChangeConfiguration)
    return Sweeper(
        ledger=_ledger(configuration),
        acquirer=_acquirer(),
        failures=_failures(configuration),
        clock=utc_now,
        expires_after=configuration.expires_after,
    )


def payment_change() -> PaymentChange:
    """The use case, configured as of now. Raises `DependencyUnavailable`."""
    configuration = read_configuration(ChangeConfiguration)
    return PaymentChange(
        idempotency=_idempotency(configuration),
        ledger=_ledger(configuration),
        acquirer=_acquirer(),
        failures=_failures(configuration),
        clock=utc_now,
        expires_after=configuration.expires_after,
    )


def ledger() -> Ledger:
    """Payments, configured as of now. Raises `DependencyUnavailable`."""
    return _ledger(read_configuration(LedgerConfiguration))


def _acquirer() -> Acquirer:
    return of_processor(ACQUIRERS)()


def _ledger(configuration: LedgerConfiguration) -> Ledger:
    return DynamoDbLedger(
        client=_dynamodb_client(),
        table_name=configuration.transactions_table_name,
        idempotency=_idempotency(configuration),
    )


def _idempotency(configuration: LedgerConfiguration) -> DynamoDbIdempotencyStore:
    return DynamoDbIdempotencyStore(client=_dynamodb_client(), table_name=configuration.idempotency_table_name)


def _failures(configuration: LedgerConfiguration) -> FailureTopic:
    return FailureTopic(client=_sns_client, topic_arn=configuration.failed_transactions_topic_arn)


@cache
def _dynamodb_client() -> DynamoDb:
    return cast(DynamoDb, boto3.client("dynamodb", config=client_config(usual_host=True)))


@cache
def _executor() -> Executor:
    return ThreadPoolExecutor(SCORES_AT_ONCE)


@cache
def _lambda_client() -> "LambdaClient":
    return boto3.client("lambda", config=client_config(read_seconds=FRAUD_READ_SECONDS, attempts=1))


@cache
def _sns_client() -> "SNSClient":
    return boto3.client("sns", config=client_config(attempts=1))
