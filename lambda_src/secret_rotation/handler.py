"""Entry point of the rotation function. Secrets Manager counts anything raised as a failed step and tries again."""

import os
import re
from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3

from payment_core import logs
from payment_core.aws import client_config
from payment_core.database_endpoint import APPLICATION_ROLE, database_endpoint
from payment_core.postgres import connect
from secret_rotation.errors import RotationRefused
from secret_rotation.rotation import Rotation, Step

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

STATEMENT_SECONDS = 10


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Do one step of a rotation; refuses every secret but its own."""
    logs.bind(step=str(event["Step"]))
    try:
        _rotate(event)
    except RotationRefused as failure:
        logs.error("rotation_refused", **logs.describe(failure, subject=failure.message))
        raise
    except Exception as failure:
        logs.error("rotation_step_failed", **logs.describe(failure))
        # Without its context: the runtime prints what is raised, and a driver may quote what it was given.
        raise RotationRefused(f"The step failed: {type(failure).__name__}.") from None
    logs.info("rotation_step_done")


def _rotate(event: Mapping[str, Any]) -> None:
    if not _is_own_secret(event["SecretId"]):
        raise RotationRefused("This function rotates another secret.")
    _rotation().run(Step(event["Step"]), event["ClientRequestToken"])


def _is_own_secret(arn: str) -> bool:
    """Secrets Manager names a secret by its full ARN; whoever refers to it by name knows it without the random part."""
    return re.fullmatch(rf"{re.escape(os.environ['SECRET_ARN'])}(-[A-Za-z0-9]{{6}})?", arn) is not None


def _rotation() -> Rotation:
    return Rotation(
        client=_secrets_client(),
        secret_arn=os.environ["SECRET_ARN"],
        admin_secret_arn=os.environ["ADMIN_SECRET_ARN"],
        connect=partial(connect, database_endpoint(), statement_seconds=STATEMENT_SECONDS),
        group_role=APPLICATION_ROLE,
    )


@cache
def _secrets_client() -> "SecretsManagerClient":
    return boto3.client("secretsmanager", config=client_config(usual_host=True))
