"""CloudFormation's TemplateURL in a bucket of another account: pipelines keep templates in their own account's bucket.

ministack looks for the object in the caller's account only. On AWS the caller's own rights decide:
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar

from local.engine import context, seams
from local.engine.registry import Engine, Registry, Request, Response, ServiceHandler

_caller_headers: ContextVar[Mapping[str, str] | None] = ContextVar("caller_headers", default=None)
ObjectData = Callable[[str, str, str | None], bytes | None]


class TemplateAccessDeniedError(Exception):
    """The bucket's policy does not let the caller read the template."""


def register(registry: Registry) -> None:
    registry.wrap_service("cloudformation", _remember_caller)
    registry.before_start(_read_other_accounts)


async def _remember_caller(request: Request, proceed: ServiceHandler) -> Response:
    token = _caller_headers.set(request.headers)
    try:
        return await proceed(request)
    finally:
        _caller_headers.reset(token)


def _read_other_accounts(_: Engine) -> None:
    seams.wrap("s3.object_data", _with_other_accounts)


def _with_other_accounts(original: ObjectData) -> ObjectData:
    def object_data(bucket_name: str, key: str, version_id: str | None = None) -> bytes | None:
        headers, owner = _caller_headers.get(), seams.get("s3.bucket_owner")(bucket_name)
        if headers is None or owner in (None, context.account()):
            return original(bucket_name, key, version_id)
        allowed = seams.get("s3.foreign_bucket_allows")(owner, bucket_name, key, "GET", {}, context.account(), headers)
        if not allowed:
            raise TemplateAccessDeniedError(f"S3 error: Access Denied: {bucket_name}/{key}")
        with context.acting_in(owner, context.region()):
            return original(bucket_name, key, version_id)

    return object_data
