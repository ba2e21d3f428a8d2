"""One function calls another of its own colour."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from payment_core.release_identity import Colour


class LambdaClient(Protocol):
    """The part of boto3's Lambda client that is used here."""

    def invoke(self, *, FunctionName: str, Qualifier: str, Payload: bytes) -> Any: ...  # noqa: N803


class InvocationFailed(Exception):
    """The other function did not answer; it may or may not have run. Raised with no message: it carries nothing."""


class InvocationTimedOut(InvocationFailed):
    """The other function did not answer in time and may still be running."""


def invoke(
    client: LambdaClient, *, function_name: str, colour: Colour, payload: Mapping[str, object]
) -> dict[str, Any]:
    """Call `function_name:colour` and return the object it answers. Raises `InvocationFailed`."""
    try:
        answer = client.invoke(
            FunctionName=function_name, Qualifier=colour, Payload=json.dumps(payload).encode("utf-8")
        )
        body = json.loads(answer["Payload"].read())
    except ReadTimeoutError as error:
        raise InvocationTimedOut from error
    except (BotoCoreError, ClientError, ValueError) as error:
        raise InvocationFailed from error
    if answer.get("FunctionError") or not isinstance(body, dict):
        raise InvocationFailed
    return body
