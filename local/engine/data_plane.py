"""What holds for every request: loopback stands for TLS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.engine.registry import AsgiApp, Registry

FORWARDED = (b"x-forwarded-proto", b"https")


def register(registry: Registry) -> None:
    registry.wrap_app(as_if_over_tls)


def as_if_over_tls(app: AsgiApp) -> AsgiApp:
    """Let aws:SecureTransport be true, which `enforce_ssl` policies demand; nothing leaves this machine."""

    async def wrapped(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [header for header in scope["headers"] if header[0] != FORWARDED[0]]
            scope = {**scope, "headers": [*headers, FORWARDED]}
        await app(scope, receive, send)

    return wrapped
