"""One record per branch environment: whose it is, until when it lives, and who works on it now."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from branches.errors import BranchError, Occupied
from branches.ports import Clock, Say
from release import names

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE_SECONDS: Final = 300.0
_RENEW_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 5.0
# A destroy of another build may take an hour.
_PATIENCE_SECONDS: Final = 5400.0


@dataclass(frozen=True, kw_only=True)
class Record:
    """`lives_until` and `leased_until` are seconds since the epoch; no `holder` where nobody works on it."""

    suffix: str
    ref: str
    lives_until: float
    holder: str = ""
    leased_until: float = 0.0
    commit: str = ""
    url: str = ""


class Records:
    """The table; every change is conditional, so that two builds cannot both think that they were first."""

    def __init__(self, client: "DynamoDBClient", table: str = names.BRANCHES) -> None:
        self._client, self._table = client, table

    def all(self) -> list[Record]:
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        return sorted((_record(item) for page in pages for item in page["Items"]), key=lambda record: record.suffix)

    def claim(self, suffix: str, ref: str, *, holder: str, now: float, lives_until: float) -> bool:
        """Take the lease; False while another holds it. Raises `Occupied` when the suffix is another ref's."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": suffix}},
                UpdateExpression="SET #ref = :ref, holder = :holder, leased_until = :until, "
                "lives_until = if_not_exists(lives_until, :lives)",
                ConditionExpression="(attribute_not_exists(#ref) OR #ref = :ref) AND "
                "(attribute_not_exists(holder) OR holder = :holder OR leased_until < :now)",
                ExpressionAttributeNames={"#ref": "ref"},
                ExpressionAttributeValues={
                    ":ref": {"S": ref},
                    ":holder": {"S": holder},
                    ":until": {"N": f"{now + LEASE_SECONDS:.0f}"},
                    ":now": {"N": f"{now:.0f}"},
                    ":lives": {"N": f"{lives_until:.0f}"},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            owner = next((record.ref for record in self.all() if record.suffix == suffix), ref)
            if owner != ref:
                raise Occupied(f"environment {suffix} belongs to {owner}, not to {ref}") from None
            return False
        return True

    def deployed(self, suffix: str, *, holder: str, commit: str, url: str, lives_until: float) -> None:
        """Note what is there now. Raises `ClientError` when the lease was lost meanwhile."""
        values: dict[str, Any] = {":commit": {"S": commit}, ":url": {"S": url}, ":lives": {"N": f"{lives_until:.0f}"}}
        self._change(suffix, holder, "SET commit_id = :commit, api_url = :url, lives_until = :lives", values)

    def renew(self, suffix: str, *, holder: str, now: float) -> None:
        self._change(suffix, holder, "SET leased_until = :until", {":until": {"N": f"{now + LEASE_SECONDS:.0f}"}})

    def release(self, suffix: str, *, holder: str) -> None:
        """Give the lease back; does nothing where the record is gone or another's."""
        try:
            self._change(suffix, holder, "REMOVE holder, leased_until", {})
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def forget(self, suffix: str, *, holder: str) -> None:
        """The environment is gone, and so is its record."""
        self._client.delete_item(
            TableName=self._table,
            Key={"pk": {"S": suffix}},
            ConditionExpression="attribute_not_exists(holder) OR holder = :holder",
            ExpressionAttributeValues={":holder": {"S": holder}},
        )

    def _change(self, suffix: str, holder: str, expression: str, values: dict[str, Any]) -> None:
        self._client.update_item(
            TableName=self._table,
            Key={"pk": {"S": suffix}},
            UpdateExpression=expression,
            ConditionExpression="holder = :holder",
            ExpressionAttributeValues={":holder": {"S": holder}, **values},
        )


@contextmanager
def lease(
    records: Records, suffix: str, ref: str, *, holder: str, lives_until: float, clock: Clock, say: Say
) -> Iterator[None]:
    """Hold the environment alone for the block, however long it takes. Waits for another build to end.

    Raises `Occupied`, and `BranchError` when the other does not end.
    """
    deadline = clock.now() + _PATIENCE_SECONDS
    waited = False
    while not records.claim(suffix, ref, holder=holder, now=clock.now(), lives_until=lives_until):
        if not waited:
            say(f"another build works on {suffix}: waiting for it")
        waited = True
        if clock.now() > deadline:
            raise BranchError(f"another build holds {suffix} for more than {_PATIENCE_SECONDS / 60:.0f} minutes")
        clock.sleep(_POLL_SECONDS)
    ended = threading.Event()
    keeper = threading.Thread(target=_keep, args=(records, suffix, holder, clock, ended, say), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        records.release(suffix, holder=holder)


def _keep(records: Records, suffix: str, holder: str, clock: Clock, ended: threading.Event, say: Say) -> None:
    while not ended.wait(_RENEW_SECONDS):
        try:
            records.renew(suffix, holder=holder, now=clock.now())
        except ClientError as error:
            say(f"the lease of {suffix} could not be renewed: {error}")


def _record(item: dict[str, Any]) -> Record:
    def text(key: str) -> str:
        return str(item.get(key, {}).get("S", ""))

    def number(key: str) -> float:
        return float(item.get(key, {}).get("N", "0"))

    return Record(
        suffix=text("pk"),
        ref=text("ref"),
        lives_until=number("lives_until"),
        holder=text("holder"),
        leased_until=number("leased_until"),
        commit=text("commit_id"),
        url=text("api_url"),
    )
