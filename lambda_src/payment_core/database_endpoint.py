"""Where the database is, from Parameter Store."""

from dataclasses import dataclass

from payment_core.configuration import read_configuration
from payment_core.postgres import Endpoint

# Owns the application's rights; the users that log in are its members. Migrations create it.
APPLICATION_ROLE = "payment_application"


@dataclass(frozen=True, kw_only=True)
class DatabaseConfiguration:
    """The parameters about the database; the mode is libpq's `sslmode`."""

    database_host: str
    database_port: int
    database_name: str
    database_ssl_mode: str


def database_endpoint() -> Endpoint:
    """The writer's endpoint, as configured now. Raises `DependencyUnavailable`."""
    configuration = read_configuration(DatabaseConfiguration)
    return Endpoint(
        host=configuration.database_host,
        port=configuration.database_port,
        name=configuration.database_name,
        ssl_mode=configuration.database_ssl_mode,
    )
