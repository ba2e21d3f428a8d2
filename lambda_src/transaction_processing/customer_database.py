"""Where the customers' port meets PostgreSQL."""

from dataclasses import dataclass
from functools import cache, partial

import boto3
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from payment_core.aws import client_config
from payment_core.configuration import MAX_AGE_SECONDS, read_configuration
from payment_core.database_endpoint import DatabaseConfiguration
from payment_core.errors import DependencyUnavailable, ErrorCode
from payment_core.postgres import Endpoint, Login, connect
from transaction_processing.customers import CustomerStore
from transaction_processing.database import DEADLINE_SECONDS, Database
from transaction_processing.postgres_customers import PostgresCustomerStore


@dataclass(frozen=True, kw_only=True)
class CustomerDatabaseConfiguration(DatabaseConfiguration):
    """Where the database is, and the name of the application's login."""

    database_secret_arn: str


def customers() -> CustomerStore:
    """Customers, configured as of now. Raises `DependencyUnavailable`."""
    configuration = read_configuration(CustomerDatabaseConfiguration)
    return PostgresCustomerStore(database=_database(configuration.endpoint, configuration.database_secret_arn))


def _login(secret_arn: str, *, refresh: bool) -> Login:
    """Cached for a minute, far less than the days between rotations."""
    try:
        secret = _secrets().get(secret_arn, max_age=MAX_AGE_SECONDS, force_fetch=refresh)
    except GetParameterError as error:
        raise DependencyUnavailable(
            ErrorCode.DATABASE_UNAVAILABLE, "Nothing was written. Retry with the same key.", subject=secret_arn
        ) from error
    return Login.parse(str(secret))


@cache
def _database(endpoint: Endpoint, secret_arn: str) -> Database:
    return Database(
        connect=partial(connect, endpoint, statement_seconds=DEADLINE_SECONDS),
        login=partial(_login, secret_arn),
    )


@cache
def _secrets() -> SecretsProvider:
    # A client of boto3's own session: a second session reads botocore's data a second time.
    return SecretsProvider(boto3_client=boto3.client("secretsmanager", config=client_config(usual_host=True)))
