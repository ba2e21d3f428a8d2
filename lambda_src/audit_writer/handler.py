"""Entry point of the audit function, which reads the stream of the payments table."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from audit_writer.errors import RecordNotWritten
from audit_writer.records import AuditRecord, audit_record
from payment_core import logs
from payment_core.aws import client_config
from payment_core.configuration import read_configuration

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ALREADY_WRITTEN = "PreconditionFailed"


@dataclass(frozen=True, kw_only=True)
class AuditConfiguration:
    """The parameter that this function reads."""

    audit_bucket_name: str


def handler(event: Mapping[str, Any], _context: object) -> dict[str, list[dict[str, str]]]:
    """Write a batch in the stream's order. Answers the record that failed: Lambda goes on from there.

    Raises `RecordNotWritten` when it is the first: Lambda then halves the batch until the record that fails is alone,
    so that it does not take the good ones behind it along into the queue of failures.
    """
    logs.bind()
    for position, record in enumerate(event["Records"]):
        change = record["dynamodb"]
        try:
            _write(audit_record(change))
        except Exception as failure:
            logs.error("audit_record_failed", **logs.describe(failure, subject=str(change["SequenceNumber"])))
            if position == 0:
                raise RecordNotWritten(f"The record was not written: {type(failure).__name__}.") from None
            return {"batchItemFailures": [{"itemIdentifier": change["SequenceNumber"]}]}
    logs.info("audit_records_written")
    return {"batchItemFailures": []}


def _write(record: AuditRecord) -> None:
    """Once: a stream delivers at least once, and an object that exists already is left alone."""
    bucket = read_configuration(AuditConfiguration).audit_bucket_name
    try:
        _s3_client().put_object(
            Bucket=bucket, Key=record.key, Body=record.body, ContentType="application/json", IfNoneMatch="*"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != ALREADY_WRITTEN:
            raise


@cache
def _s3_client() -> "S3Client":
    return boto3.client("s3", config=client_config(usual_host=True))
