"""Who may not pay: items that an operator writes beside the counters, read with every attempt."""

from collections.abc import Mapping
from datetime import datetime

from fraud_detection.velocity import UNAVAILABLE, VelocityTable
from payment_core.aws import dependency
from payment_core.errors import DependencyUnavailable, ErrorCode


class BlockList:
    """Entries have the key `block#<kind>#<subject>`, and end at `expires_at` (epoch seconds) if they have one."""

    def __init__(self, *, client: VelocityTable, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def blocked(self, subjects: Mapping[str, str], *, now: datetime) -> tuple[str, ...]:
        """The kinds of those `subjects` that are on the list at `now`. Raises `DependencyUnavailable`."""
        kinds = {f"block#{kind}#{subject}": kind for kind, subject in subjects.items()}
        keys = [{"pk": {"S": key}} for key in kinds]
        with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
            answer = self._client.batch_get_item(
                RequestItems={self._table_name: {"Keys": keys, "ConsistentRead": True}}
            )
        if answer.get("UnprocessedKeys"):
            raise DependencyUnavailable(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE)
        seconds = now.timestamp()
        found = answer["Responses"].get(self._table_name, [])
        # DynamoDB deletes what has expired when it likes.
        return tuple(
            sorted(
                kinds[item["pk"]["S"]]
                for item in found
                if "expires_at" not in item or int(item["expires_at"]["N"]) > seconds
            )
        )
