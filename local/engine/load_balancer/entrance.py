"""Reaches a load balancer by its DNS name in the Host header of a request to the engine's own port.

The engine's port stands for every port of the load balancer: a port in the Host header picks the listener, without
one of its own the HTTPS listener answers, else the only one.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from local.engine.load_balancer.dispatch import Balancer, error
from local.engine.load_balancer.http import HttpRequest, HttpResponse
from local.engine.load_balancer.model import Listener, LoadBalancer, State, Store
from local.engine.registry import AsgiApp, AsgiWrapper

DOMAIN = ".elb.amazonaws.com"


def by_host(store: Store, balancer: Balancer) -> AsgiWrapper:
    def wrap(app: AsgiApp) -> AsgiApp:
        async def entrance(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
            host = _host(scope)
            found = _load_balancer(store, host.partition(":")[0]) if DOMAIN in host else None
            if found is None:
                await app(scope, receive, send)
                return
            state, load_balancer = found
            request = await read(scope, receive)
            listener = listener_for(state, load_balancer, host.partition(":")[2])
            if listener is None:
                await write(send, error(HTTPStatus.SERVICE_UNAVAILABLE))
                return
            await write(send, await balancer.dispatch(load_balancer, listener, request))

        return entrance

    return wrap


def listener_for(state: State, load_balancer: LoadBalancer, port: str) -> Listener | None:
    listeners = sorted(state.listeners_of(load_balancer.arn), key=lambda item: (item.protocol != "HTTPS", item.port))
    return next((item for item in listeners if str(item.port) == port), next(iter(listeners), None))


async def read(scope: Mapping[str, Any], receive: Any) -> HttpRequest:
    """The whole request of an ASGI connection."""
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False) and message["type"] == "http.request"
    raw_path = scope.get("raw_path") or quote(scope["path"]).encode()
    return HttpRequest(
        method=scope["method"],
        path=raw_path.decode("latin-1").partition("?")[0],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=[(name.decode("latin-1").lower(), _text(value)) for name, value in scope["headers"]],
        body=b"".join(parts),
        client_ip=(scope.get("client") or ("127.0.0.1",))[0],
    )


async def write(send: Any, response: HttpResponse) -> None:
    headers = [*response.headers, ("Content-Length", str(len(response.body)))]
    encoded = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


def _host(scope: Mapping[str, Any]) -> str:
    if scope["type"] != "http":
        return ""
    return next((value.decode("latin-1").lower() for name, value in scope["headers"] if name.lower() == b"host"), "")


def _load_balancer(store: Store, dns_name: str) -> tuple[State, LoadBalancer] | None:
    for state in store.everywhere():
        for load_balancer in state.load_balancers.values():
            if load_balancer.dns_name.lower() == dns_name:
                return state, load_balancer
    return None


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
