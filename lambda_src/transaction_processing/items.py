"""Between Python values and DynamoDB's attribute values, and between its errors and what they mean."""

import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Protocol

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

Item = dict[str, Any]

# The SDK does not repeat a write that met a transaction.
WRITE_ATTEMPTS = 4
LONGEST_PAUSE_SECONDS = 0.08

_SERIALIZER = TypeSerializer()
_DESERIALIZER = TypeDeserializer()


class DynamoDb(Protocol):
    """The part of boto3's DynamoDB client that is used here."""

    def get_item(self, **request: Any) -> Any: ...

    def put_item(self, **request: Any) -> Any: ...

    def update_item(self, **request: Any) -> Any: ...

    def delete_item(self, **request: Any) -> Any: ...

    def query(self, **request: Any) -> Any: ...

    def transact_write_items(self, **request: Any) -> Any: ...


def to_item(values: Mapping[str, object]) -> Item:
    """Attribute values of text, whole numbers and lists of them; None is left out."""
    return {name: _SERIALIZER.serialize(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """The Python values of an item; numbers come back as `int`, for nothing else is ever written."""
    return {name: _plain(_DESERIALIZER.deserialize(value)) for name, value in item.items()}


def condition_failed(error: ClientError) -> bool:
    """Whether a single write was refused by its condition."""
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def met_transaction(error: ClientError) -> bool:
    """Whether a single write was refused because a transaction was writing the same item."""
    return bool(error.response["Error"]["Code"] == "TransactionConflictException")


def pause_seconds() -> float:
    """How long whoever lost against a transaction waits before the next attempt: not all the same time."""
    return random.uniform(0, LONGEST_PAUSE_SECONDS)  # noqa: S311 - nobody's secret


def cancellation_codes(error: ClientError) -> list[str]:
    """Why a transaction was cancelled, per item in its order; empty for any other error."""
    return [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) else value
