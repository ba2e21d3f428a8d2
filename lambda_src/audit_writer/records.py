"""From a change in the payments table to an audit record."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

from audit_writer.errors import RecordRefused

_PAYMENT: Final = "PAY#"
_EVENT: Final = "EVT#"
_DESERIALIZER: Final = TypeDeserializer()


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """`key` and `body` are the same whenever the same event is read: writing it again changes nothing."""

    key: str
    body: bytes


def audit_record(change: Mapping[str, Any]) -> AuditRecord:
    """The record of a stream's INSERT, whole: what an event will hold one day is kept without a change here.

    The table holds no card number and no verification value, so neither does the record. Raises `RecordRefused`.
    """
    image = {name: _DESERIALIZER.deserialize(value) for name, value in change.get("NewImage", {}).items()}
    partition, position = str(image.pop("pk", "")), str(image.pop("sk", ""))
    if not (partition.startswith(_PAYMENT) and position.startswith(_EVENT)):
        raise RecordRefused("The record is no event of a payment.")
    payment_id, version = partition.removeprefix(_PAYMENT), position.removeprefix(_EVENT)
    document = {**image, "payment_id": payment_id}
    return AuditRecord(
        key=f"{payment_id}/{version}.json",
        body=json.dumps(document, sort_keys=True, default=_plain).encode("utf-8"),
    )


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, set):
        return sorted(value)
    raise RecordRefused(f"An event holds a value of the type {type(value).__name__}.")
