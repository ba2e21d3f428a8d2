"""In whose account and region the engine is acting right now, and clients that act there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from local.engine import seams

_CONFIG = Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=300, max_pool_connections=4)
_endpoint: list[str] = []
ROOT_SECRET = "local"  # noqa: S105 - the engine accepts an account id as its own root


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An access key, with its token if it is a session's."""

    access_key: str
    secret: str
    token: str | None = None


def set_endpoint(endpoint: str) -> None:
    """Tell the clients where this engine answers; called once at start."""
    _endpoint[:] = [endpoint]


def account() -> str:
    return str(seams.get("account")())


def region() -> str:
    return str(seams.get("region")())


def caller_arn(headers: Mapping[str, str], query: Mapping[str, list[str]]) -> str:
    """Whose credentials signed the request, which is authenticated already: what STS calls the caller's identity."""
    identity = seams.get("iam.caller")(seams.get("sigv4.access_key")(headers, query))
    return str(identity["userArn"])


def acting_in(account: str, region: str) -> AbstractContextManager[None]:
    """Act for `account` and `region` inside the block; for background work that has no request."""
    scope: AbstractContextManager[None] = seams.get("request_scope")(account, region)
    return scope


def store() -> Any:
    """A dict that keeps one set of entries for each account and region (the current one is seen)."""
    return seams.get("account_region_dict")()


def client(service: str, *, account: str, region: str, as_who: Credentials | None = None) -> Any:
    """A cached boto3 client that calls this engine as the root of `account`, or with credentials of somebody else.

    Only for worker and background threads: on the event loop the call would wait for itself.
    """
    return _client(service, as_who or Credentials(access_key=account, secret=ROOT_SECRET), region, _endpoint[0])


@functools.lru_cache(maxsize=256)
def _client(service: str, who: Credentials, region: str, endpoint: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=who.access_key,
        aws_secret_access_key=who.secret,
        aws_session_token=who.token,
        config=_CONFIG,
    )


async def run_blocking(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run blocking work off the event loop, in the same account and region; it may call the engine."""
    return await seams.get("run_reentrant")(function, *arguments)
