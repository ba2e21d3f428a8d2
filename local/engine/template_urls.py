"""Templates by URL, wherever their bucket is: ministack reads only path-style URLs of the caller's own buckets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html (TemplateURL)
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from local.engine import context, seams
from local.engine.registry import Engine, Registry


def register(registry: Registry) -> None:
    registry.before_start(_correct)


def _correct(_: Engine) -> None:
    seams.wrap("cloudformation.resolve_document", _of_any_bucket)


def _of_any_bucket(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(params: dict[str, Any], body_key: str, url_key: str, label: str) -> Any:
        given = params.get(url_key)
        url = given[0] if isinstance(given, list) and given else given
        if not url:
            return original(params, body_key, url_key, label)
        bucket, key = bucket_and_key(url)
        owner = seams.get("s3.bucket_owner")(bucket) or context.account()
        with context.acting_in(owner, context.region()):
            return original({**params, url_key: [f"https://s3.amazonaws.com/{bucket}/{key}"]}, body_key, url_key, label)

    return resolve


def bucket_and_key(url: str) -> tuple[str, str]:
    """Bucket and key of an S3 URL in either style."""
    parts = urlsplit(url)
    host, path = parts.netloc.partition(":")[0], parts.path.lstrip("/")
    bucket, found, _ = host.partition(".s3.")
    if found:
        return bucket, path
    bucket, _, key = path.partition("/")
    return bucket, key
