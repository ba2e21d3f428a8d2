"""One function calls another of its own colour."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from payment_core.release_identity import Colour

_SERVICE_FAILED = 500


class LambdaClient(Protocol):
    """The part of boto3's Lambda client that is used here."""

    def invoke(self, *, FunctionName: str, Qualifier: str, Payload: bytes) -> Any: ...  # noqa: N803


class InvocationFailed(Exception):
    """The other function did not answer. Raised with no message: it carries nothing."""


class NotInvoked(InvocationFailed):
    """The call was refused or did not arrive: the other function has done nothing."""


class Unanswered(InvocationFailed):
    """The other function was called and gave no answer: it was ended, it crashed, or it is still running."""


def invoke(
    client: LambdaClient, *, function_name: str, colour: Colour, payload: Mapping[str, object]
) -> dict[str, Any]:
    """Call `function_name:colour` and return the object it answers. Raises `NotInvoked` and `Unanswered`."""
    try:
        answer = client.invoke(
            FunctionName=function_name, Qualifier=colour, Payload=json.dumps(payload).encode("utf-8")
        )
        body = json.loads(answer["Payload"].read())
    except (ConnectTimeoutError, EndpointConnectionError) as error:
        raise NotInvoked from error
    except ClientError as error:
        refused = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < _SERVICE_FAILED
        raise (NotInvoked if refused else Unanswered) from error
    except (BotoCoreError, ValueError) as error:
        # Whatever breaks later breaks after the request was on its way.
        raise Unanswered from error
    if answer.get("FunctionError") or not isinstance(body, dict):
        raise Unanswered
    return body
