"""The schema migration function."""

import json
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from release.aws.session import CLIENT_CONFIG
from release.errors import ReleaseError
from release.names import function

if TYPE_CHECKING:
    import boto3

# Lambda's longest run. No retry: a second invocation would only wait for the first one's lock.
_PATIENT = CLIENT_CONFIG.merge(Config(read_timeout=910, retries={"total_max_attempts": 1}))


def migrate(session: "boto3.Session", suffix: str) -> list[str]:
    """Apply what is pending and return it. Raises `ReleaseError`."""
    name = function(suffix, "migration")
    answer = session.client("lambda", config=_PATIENT).invoke(
        FunctionName=name, Payload=json.dumps({"operation": "migrate"}).encode()
    )
    text = answer["Payload"].read().decode()
    try:
        result: dict[str, Any] = json.loads(text)
        if answer.get("FunctionError"):
            raise ReleaseError(f"{name} failed: {result.get('errorType')}: {result.get('errorMessage')}")
        applied, pending = [str(item) for item in result["applied"]], int(result["pending"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReleaseError(f"{name} did not answer as agreed: {text[:200]}") from error
    if pending:
        raise ReleaseError(f"{name}: {pending} migrations are still pending")
    return applied
