"""The ledger: a DynamoDB table with the lease, the journal and the history of one environment.

Two kinds of items. `head`/`head` holds the lease and the journal; each write to it is conditional on the lease.
`release`/<start time> is an operation that has ended; none is written twice.
"""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from release.aws.ledger_text import entry_from_json, entry_to_json, journal_from_json, journal_to_json
from release.errors import Overtaken
from release.model import Entry, Journal, Lease
from release.names import release_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_HEAD = {"pk": {"S": "head"}, "sk": {"S": "head"}}
_ENTRIES = "release"
_MINE = "lease_token = :token"


class LedgerTable:
    """One object is one command: its token tells its lease from all others."""

    def __init__(self, client: "DynamoDBClient", suffix: str) -> None:
        self._client = client
        self._table = release_table(suffix)
        self._token = uuid4().hex

    def acquire(self, *, holder: str, command: str, until: float, instead_of: Lease | None) -> bool:
        free = f"attribute_not_exists(lease_token) OR {_MINE}"
        values = {":holder": {"S": holder}, ":command": {"S": command}, ":until": _milliseconds(until)}
        if instead_of is not None:
            # Each renewal writes another time.
            free += " OR lease_until = :over"
            values[":over"] = _milliseconds(instead_of.until)
        return self._update(
            "SET lease_token = :token, lease_holder = :holder, lease_command = :command, lease_until = :until",
            condition=free,
            values=values,
        )

    def renew(self, *, until: float) -> bool:
        return self._update("SET lease_until = :until", condition=_MINE, values={":until": _milliseconds(until)})

    def release(self) -> None:
        try:
            self._update("REMOVE lease_token, lease_holder, lease_command, lease_until", condition=_MINE, values={})
        except (ClientError, BotoCoreError):
            # It runs out by itself; how the command ended matters more.
            return

    def lease(self) -> Lease | None:
        item = self._head()
        if "lease_token" not in item:
            return None
        return Lease(
            holder=item["lease_holder"]["S"],
            command=item["lease_command"]["S"],
            until=int(item["lease_until"]["N"]) / 1000,
        )

    def journal(self) -> Journal:
        item = self._head()
        return journal_from_json(item["journal"]["S"]) if "journal" in item else Journal()

    def save_journal(self, journal: Journal) -> None:
        values = {":journal": {"S": journal_to_json(journal)}}
        if not self._update("SET journal = :journal", condition=_MINE, values=values):
            raise Overtaken("the lease is not this command's any more: its journal was not written")

    def add(self, entry: Entry) -> None:
        try:
            self._client.put_item(
                TableName=self._table,
                Item={"pk": {"S": _ENTRIES}, "sk": {"S": entry.started_at}, "entry": {"S": entry_to_json(entry)}},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def history(self, limit: int) -> tuple[Entry, ...]:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :entries",
            ExpressionAttributeValues={":entries": {"S": _ENTRIES}},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
        )
        return tuple(entry_from_json(item["entry"]["S"]) for item in answer["Items"])

    def _head(self) -> dict[str, Any]:
        answer = self._client.get_item(TableName=self._table, Key=_HEAD, ConsistentRead=True)
        return dict(answer.get("Item", {}))

    def _update(self, expression: str, *, condition: str, values: dict[str, Any]) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_HEAD,
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeValues={":token": {"S": self._token}, **values},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _milliseconds(seconds: float) -> dict[str, str]:
    return {"N": str(round(seconds * 1000))}
