"""AWS calls from the event loop, straight to the engine's own handlers: no socket, no signature, no IAM.

boto3 would wait for the very loop that it blocks; this is what one engine module uses to ask another.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from botocore import parsers, serialize
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel

from local.engine import context, seams

_HANDLERS = {"elbv2": "elasticloadbalancing", "cloudwatch": "monitoring"}


async def call(service: str, operation: str, *, account: str, region: str, **parameters: Any) -> dict[str, Any]:
    """Call `operation` as the engine itself in `account` and `region`. Raises botocore's `ClientError`."""
    model = service_model(service)
    operation_model = model.operation_model(operation)
    protocol = model.resolved_protocol
    request = serialize.create_serializer(protocol).serialize_to_request(parameters, operation_model)
    body = request["body"]
    raw = urlencode(body).encode() if isinstance(body, Mapping) else (body or b"")
    path, _, inline_query = request["url_path"].partition("?")
    query = parse_qs(inline_query, keep_blank_values=True) | {
        key: [str(value)] for key, value in dict(request["query_string"]).items()
    }
    headers = {name.lower(): value for name, value in request["headers"].items()}
    with context.acting_in(account, region):
        status, answer_headers, answer = await _handler(service)(request["method"], unquote(path), headers, raw, query)
    output: Any = operation_model.output_shape  # None for an operation that answers nothing; the parser knows
    parsed: dict[str, Any] = parsers.create_parser(protocol).parse(
        {"status_code": status, "headers": {k.lower(): str(v) for k, v in answer_headers.items()}, "body": answer},
        output,
    )
    if status >= 300:
        raise ClientError(parsed, operation)  # type: ignore[arg-type]
    return parsed


async def invoke(function_arn: str, event: Mapping[str, Any], *, account: str, region: str) -> Invocation:
    """Invoke a function (alias or version in the ARN) and wait for its answer. Never raises for its errors."""
    path = f"/2015-03-31/functions/{function_arn}/invocations"
    with context.acting_in(account, region):
        status, headers, body = await _handler("lambda")(
            "POST", path, {"content-type": "application/json"}, json.dumps(event).encode(), {}
        )
    lower = {name.lower(): value for name, value in headers.items()}
    return Invocation(status=status, function_error=str(lower.get("x-amz-function-error", "")), payload=bytes(body))


class Invocation:
    """What Lambda answered: HTTP `status` (429 = throttled), `function_error` (empty = fine) and `payload`."""

    __slots__ = ("function_error", "payload", "status")

    def __init__(self, *, status: int, function_error: str, payload: bytes) -> None:
        self.status = status
        self.function_error = function_error
        self.payload = payload


@functools.cache
def service_model(service: str) -> ServiceModel:
    """botocore's description of `service` (its boto3 name)."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def _handler(service: str) -> Any:
    return seams.get("services")[_HANDLERS.get(service, service)]
