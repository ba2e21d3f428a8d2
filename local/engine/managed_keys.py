"""S3's AWS managed key: `aws:kms` without a key id means it; ministack refuses such writes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.engine import context, seams
from local.engine.registry import Engine, Registry

ALGORITHM = "x-amz-server-side-encryption"
KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"


def register(registry: Registry) -> None:
    registry.before_start(correct)


def correct(_: Engine) -> None:
    seams.wrap("s3.write_encryption", _with_managed_key)


def _with_managed_key(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(headers: dict[str, str], bucket_name: str) -> Any:
        if headers.get(ALGORITHM) == "aws:kms" and not headers.get(KEY_ID):
            managed = f"arn:aws:kms:{context.region()}:{context.account()}:alias/aws/s3"
            headers = {**headers, KEY_ID: managed}
        return original(headers, bucket_name)

    return resolve
