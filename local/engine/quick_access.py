"""Spares IAM's repeated work within a request: who calls is asked up to ten times, each time from the stored policies.

What is remembered cannot be out of date: a policy document by its text, a caller until the request is answered.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable, Mapping
from typing import Any

from local.engine import seams
from local.engine.registry import AsgiApp, Engine, Registry

DOCUMENTS = 1024
Callers = dict[tuple[str, str], Any]
# What a request starts has a copy of its context and may outlive it: then there is None in the list.
_callers: contextvars.ContextVar[list[Callers | None]] = contextvars.ContextVar("callers", default=[None])  # noqa: B039


def register(registry: Registry) -> None:
    registry.before_start(remember)
    registry.wrap_app(_for_one_request)


def remember(_: Engine) -> None:
    seams.wrap("iam.parse_policy", _by_text)
    seams.wrap("iam.principal", _once_for_each_request)


def _by_text(original: Callable[[Any], list[Any]]) -> Callable[[Any], list[Any]]:
    parsed = functools.lru_cache(maxsize=DOCUMENTS)(lambda text: tuple(original(text)))

    def parse(doc: Any) -> list[Any]:
        return list(parsed(doc)) if isinstance(doc, str) else original(doc)

    return parse


def _for_one_request(app: AsgiApp) -> AsgiApp:
    async def wrapped(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        remembered: list[Callers | None] = [{}]
        _callers.set(remembered)
        try:
            await app(scope, receive, send)
        finally:
            remembered[0] = None

    return wrapped


def _once_for_each_request(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(access_key_id: str, account_id: str, credential: Any = None) -> Any:
        (callers,) = _callers.get()
        if callers is not None and (access_key_id, account_id) in callers:
            return callers[access_key_id, account_id]
        found = original(access_key_id, account_id, credential)
        if callers is not None and hasattr(found, "policies"):
            callers[access_key_id, account_id] = found
        return found

    return resolve
