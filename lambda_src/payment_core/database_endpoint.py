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

    @property
    def endpoint(self) -> Endpoint:
        """The writer's endpoint."""
        return Endpoint(
            host=self.database_host,
            port=self.database_port,
            name=self.database_name,
            ssl_mode=self.database_ssl_mode,
        )


def database_endpoint() -> Endpoint:
    """The writer's endpoint, as configured now. Raises `DependencyUnavailable`."""
    return read_configuration(DatabaseConfiguration).endpoint
