"""How often something is tried: a set per subject and window, which no concurrency can overfill."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from botocore.exceptions import ClientError

from payment_core.aws import dependency
from payment_core.errors import ErrorCode

UNAVAILABLE = "Nothing was charged. Retry with the same key."


class VelocityTable(Protocol):
    """The part of boto3's DynamoDB client that is used here."""

    def update_item(self, **request: Any) -> Any: ...

    def batch_get_item(self, **request: Any) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Velocity:
    """`count` members of `limit` in the window; None stands for one too many."""

    count: int | None
    limit: int


class VelocityCounter:
    """Counts distinct members per subject in fixed windows of `window_seconds` since the epoch.

    Around the boundary of two windows twice as many may come; the limits are set with that in mind.
    """

    def __init__(self, *, client: VelocityTable, table_name: str, window_seconds: int) -> None:
        self._client = client
        self._table_name = table_name
        self._window_seconds = window_seconds

    def count(self, subject: str, member: str, *, limit: int, now: datetime) -> Velocity:
        """Count `member`: who is in the window already is counted once, however often it comes.

        So a payment that is asked about again, because the first answer came too late, is the same attempt. Condition
        and addition are one write. Raises `DependencyUnavailable`.
        """
        window = int(now.timestamp()) // self._window_seconds
        with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
            try:
                answer = self._client.update_item(
                    TableName=self._table_name,
                    Key={"pk": {"S": f"{subject}#{window}"}},
                    UpdateExpression="SET expires_at = :expires_at ADD members :members",
                    ConditionExpression=(
                        "attribute_not_exists(pk) OR size(members) < :limit OR contains(members, :member)"
                    ),
                    ExpressionAttributeValues={
                        ":member": {"S": member},
                        ":members": {"SS": [member]},
                        ":limit": {"N": str(limit)},
                        ":expires_at": {"N": str((window + 2) * self._window_seconds)},
                    },
                    ReturnValues="UPDATED_NEW",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                return Velocity(count=None, limit=limit)
        return Velocity(count=len(answer["Attributes"]["members"]["SS"]), limit=limit)
