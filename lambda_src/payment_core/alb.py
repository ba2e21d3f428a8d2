"""AWS's load-balancer event, in and out."""

import base64
import math
import re
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_plus

from payment_core.http import Request, Response

# A private integration of a REST API prefixes the stage's name to the path.
STAGES = frozenset({"live", "preview-blue", "preview-green"})

_CORRELATION_ID = re.compile(r"[A-Za-z0-9-]{1,128}")


def correlation_id_of(event: Mapping[str, Any]) -> str:
    """The edge's correlation id, or a new one where there is none that is safe to log."""
    given = _headers(event).get("x-correlation-id", "")
    return given if _CORRELATION_ID.fullmatch(given) else str(uuid.uuid4())


def parse_request(event: Mapping[str, Any], *, correlation_id: str, deadline: float = math.inf) -> Request:
    """The request inside a load balancer's event."""
    raw = event.get("body") or ""
    body = base64.b64decode(raw) if event.get("isBase64Encoded") else raw.encode("utf-8", "surrogatepass")
    return Request(
        method=str(event["httpMethod"]).upper(),
        path=_without_stage(str(event["path"])),
        headers=_headers(event),
        body=body,
        correlation_id=correlation_id,
        query=_query(event),
        deadline=deadline,
    )


def render_response(response: Response, *, headers: Mapping[str, str]) -> dict[str, Any]:
    """What a Lambda target answers to its load balancer; `headers` win over the response's own."""
    return {
        "statusCode": response.status,
        "statusDescription": f"{response.status} {HTTPStatus(response.status).phrase}",
        "isBase64Encoded": False,
        "headers": {**response.headers, **headers},
        "body": response.body,
    }


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}


def _query(event: Mapping[str, Any]) -> dict[str, str]:
    """A load balancer hands parameters on as they were sent, percent-encoded."""
    return {unquote_plus(str(k)): unquote_plus(str(v)) for k, v in (event.get("queryStringParameters") or {}).items()}


def _without_stage(path: str) -> str:
    stage, slash, rest = path.removeprefix("/").partition("/")
    return f"/{rest}" if slash and stage in STAGES else path
