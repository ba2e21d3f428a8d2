"""Entry point of the migration function, which a release invokes before it tests the idle colour."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import psycopg

from payment_core import logs
from payment_core.aws import client_config
from payment_core.configuration import read_configuration
from payment_core.database_endpoint import database_endpoint
from payment_core.postgres import Login
from schema_migration.errors import MigrationFailed
from schema_migration.migrator import migrate

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@dataclass(frozen=True, kw_only=True)
class MigrationConfiguration:
    """The parameters that this function reads, apart from the database's endpoint."""

    database_secret_arn: str
    database_admin_secret_arn: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, object]:
    """Answer `{"operation": "migrate"}` with what was applied. Raises `MigrationFailed`, so that the release stops."""
    logs.bind()
    # yoyo notes who applied a migration; the runtime's user has no name to look up.
    os.environ.setdefault("LOGNAME", "schema-migration")
    try:
        applied = _migrate(event)
    except MigrationFailed as failure:
        logs.error("migration_failed", **logs.describe(failure, subject=failure.message))
        raise
    except Exception as failure:
        reason = _reason(failure)
        logs.error("migration_failed", **logs.describe(failure, subject=reason))
        raise MigrationFailed(f"The migration failed: {reason}") from None
    logs.info("migrated", migrations=applied)
    return {"applied": applied, "pending": 0}


def _migrate(event: Mapping[str, Any]) -> list[str]:
    if event.get("operation") != "migrate":
        raise MigrationFailed("There is no such operation.")
    configuration = read_configuration(MigrationConfiguration)
    return migrate(
        database_endpoint(),
        administrator=_login(configuration.database_admin_secret_arn),
        application=_login(configuration.database_secret_arn),
    )


def _reason(failure: Exception) -> str:
    """The database's verdict without its detail, where the rows are quoted."""
    if isinstance(failure, psycopg.Error) and failure.diag.message_primary:
        return f"{failure.sqlstate} {failure.diag.message_primary}"
    return type(failure).__name__


def _login(secret_arn: str) -> Login:
    return Login.parse(_secrets_client().get_secret_value(SecretId=secret_arn)["SecretString"])


@cache
def _secrets_client() -> "SecretsManagerClient":
    return boto3.client("secretsmanager", config=client_config(usual_host=True))
