"""How often a card is tried: one counter per card and window, which no concurrency can overshoot."""

from datetime import datetime
from typing import Any, Protocol

from botocore.exceptions import ClientError

from payment_core.aws import dependency
from payment_core.errors import ErrorCode


class UpdateItem(Protocol):
    """The part of boto3's DynamoDB client that is used here."""

    def update_item(self, **request: Any) -> Any: ...


class VelocityCounter:
    """Counts attempts in fixed windows of `window_seconds` since the epoch, up to `limit` in each.

    Around the boundary of two windows a card may be tried twice as often; the limit is set with that in mind.
    """

    def __init__(self, *, client: UpdateItem, table_name: str, limit: int, window_seconds: int) -> None:
        self._client = client
        self._table_name = table_name
        self._limit = limit
        self._window_seconds = window_seconds

    @property
    def limit(self) -> int:
        """Attempts that a window allows."""
        return self._limit

    def count(self, fingerprint: str, *, now: datetime) -> int | None:
        """Count one attempt: which one of the window it is, or None when the limit was reached before it.

        The condition and the addition are one write. Raises `DependencyUnavailable`; the attempt may then have been
        counted, which errs on the safe side.
        """
        seconds = int(now.timestamp())
        window = seconds // self._window_seconds
        with dependency(ErrorCode.STORAGE_UNAVAILABLE, "Nothing was charged. Retry with the same key."):
            try:
                answer = self._client.update_item(
                    TableName=self._table_name,
                    Key={"pk": {"S": f"fp#{fingerprint}#{window}"}},
                    UpdateExpression="SET expires_at = :expires_at ADD attempts :one",
                    ConditionExpression="attribute_not_exists(pk) OR attempts < :limit",
                    ExpressionAttributeValues={
                        ":one": {"N": "1"},
                        ":limit": {"N": str(self._limit)},
                        ":expires_at": {"N": str((window + 2) * self._window_seconds)},
                    },
                    ReturnValues="UPDATED_NEW",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                return None
        return int(answer["Attributes"]["attempts"]["N"])
