"""The headers that a load balancer adds or changes on the way to a target.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html
"""

from __future__ import annotations

import re
import secrets
import time

from local.engine.load_balancer import attributes
from local.engine.load_balancer.http import HeaderList, HttpRequest, replaced
from local.engine.load_balancer.model import Listener, LoadBalancer

TRACE_HEADER = "x-amzn-trace-id"
_VALID_NAME = re.compile(r"[-A-Za-z0-9]+")


def headers(request: HttpRequest, load_balancer: LoadBalancer, listener: Listener) -> HeaderList:
    """The request's headers as the target sees them."""
    kept = request.headers
    if load_balancer.attributes[attributes.DROP_INVALID_HEADERS] == "true":
        kept = [(name, value) for name, value in kept if _VALID_NAME.fullmatch(name)]
    return replaced(
        kept,
        {
            TRACE_HEADER: trace_id(request.header(TRACE_HEADER)),
            "x-forwarded-for": _forwarded_for(request, load_balancer.attributes[attributes.FORWARDED_FOR_MODE]),
            "x-forwarded-port": str(listener.port),
            "x-forwarded-proto": listener.protocol.lower(),
        },
    )


def trace_id(given: str | None) -> str:
    """A new root, or the client's root with this hop's own id before it."""
    own = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    fields = [part.strip() for part in (given or "").split(";") if part.strip()]
    if not any(field.lower().startswith("root=") for field in fields):
        return ";".join([f"Root={own}", *fields])
    return ";".join([f"Self={own}", *(field for field in fields if not field.lower().startswith("self="))])


def _forwarded_for(request: HttpRequest, mode: str) -> str | None:
    given = request.header("x-forwarded-for")
    if mode == "remove":
        return None
    if mode == "preserve":
        return given
    return f"{given}, {request.client_ip}" if given else request.client_ip
