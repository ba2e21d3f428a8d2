"""One record per branch environment: whose it is, until when it lives, and who works on it now."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from branches.errors import BranchError, LostLease, NotSetUp, Occupied
from branches.ports import Clock, Look, Say
from release import names

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEASE_SECONDS: Final = 300.0
_RENEW_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 5.0
# A destroy of another build may take an hour.
_PATIENCE_SECONDS: Final = 5400.0
_NOBODY: Final = "nobody/"


def nobody(suffix: str) -> str:
    """Whose an environment without a record is, while it is being removed. Whoever comes for it waits and has it."""
    return f"{_NOBODY}{suffix}"


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

    @property
    def is_nobodys(self) -> bool:
        return self.ref.startswith(_NOBODY)


class Records:
    """The table; every change is conditional, so that two builds cannot both think that they were first."""

    def __init__(self, client: "DynamoDBClient", table: str = names.BRANCHES) -> None:
        self._client, self._table = client, table

    def all(self) -> list[Record]:
        """Sorted by suffix. Raises `NotSetUp`."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        try:
            return sorted((_record(item) for page in pages for item in page["Items"]), key=lambda record: record.suffix)
        except self._client.exceptions.ResourceNotFoundException:
            raise NotSetUp(f"this account has no table {self._table}: it is not the account of the branches") from None

    def find(self, suffix: str) -> Record | None:
        return next((record for record in self.all() if record.suffix == suffix), None)

    def claim(self, suffix: str, ref: str, *, holder: str, now: float, lives_until: float) -> bool:
        """Take the lease; False while another holds it. Raises `Occupied` when the suffix is another ref's."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": suffix}},
                UpdateExpression="SET #ref = :ref, holder = :holder, leased_until = :until, "
                "lives_until = if_not_exists(lives_until, :lives)",
                ConditionExpression="(attribute_not_exists(#ref) OR #ref = :ref OR begins_with(#ref, :nobody)) AND "
                "(attribute_not_exists(holder) OR holder = :holder OR leased_until < :now)",
                ExpressionAttributeNames={"#ref": "ref"},
                ExpressionAttributeValues={
                    ":ref": {"S": ref},
                    ":nobody": {"S": _NOBODY},
                    ":holder": {"S": holder},
                    ":until": {"N": f"{now + LEASE_SECONDS:.0f}"},
                    ":now": {"N": f"{now:.0f}"},
                    ":lives": {"N": f"{lives_until:.0f}"},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            record = self.find(suffix)
            if record and record.ref != ref and not record.is_nobodys:
                raise Occupied(f"environment {suffix} belongs to {record.ref}, not to {ref}") from None
            return False
        return True

    def deployed(self, suffix: str, *, holder: str, commit: str, url: str, lives_until: float) -> None:
        """Note what is there now. Raises `LostLease`."""
        values: dict[str, Any] = {":commit": {"S": commit}, ":url": {"S": url}, ":lives": {"N": f"{lives_until:.0f}"}}
        self._change(suffix, holder, "SET commit_id = :commit, api_url = :url, lives_until = :lives", values)

    def renew(self, suffix: str, *, holder: str, now: float) -> None:
        """Raises `LostLease`."""
        self._change(suffix, holder, "SET leased_until = :until", {":until": {"N": f"{now + LEASE_SECONDS:.0f}"}})

    def release(self, suffix: str, *, holder: str) -> None:
        """Give the lease back; does nothing where the record is gone or another's."""
        try:
            self._change(suffix, holder, "REMOVE holder, leased_until", {})
        except LostLease:
            return

    def forget(self, suffix: str, *, holder: str) -> None:
        """The environment is gone, and so is its record. Raises `LostLease`."""
        with self._held(suffix):
            self._client.delete_item(
                TableName=self._table,
                Key={"pk": {"S": suffix}},
                ConditionExpression="attribute_not_exists(holder) OR holder = :holder",
                ExpressionAttributeValues={":holder": {"S": holder}},
            )

    def _change(self, suffix: str, holder: str, expression: str, values: dict[str, Any]) -> None:
        with self._held(suffix):
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": suffix}},
                UpdateExpression=expression,
                ConditionExpression="holder = :holder",
                ExpressionAttributeValues={":holder": {"S": holder}, **values},
            )

    @contextmanager
    def _held(self, suffix: str) -> Iterator[None]:
        try:
            yield
        except self._client.exceptions.ConditionalCheckFailedException:
            raise LostLease(f"another works on {suffix} by now") from None


@contextmanager
def lease(
    records: Records, suffix: str, ref: str, *, holder: str, lives_until: float, clock: Clock, say: Say
) -> Iterator[Look]:
    """Hold the environment alone for the block, however long it takes. Waits for another build to end.

    The block's look raises `LostLease` as soon as the environment may be another's. Raises `Occupied`, and
    `BranchError` when the other does not end.
    """
    deadline = clock.now() + _PATIENCE_SECONDS
    waited = False
    while not records.claim(suffix, ref, holder=holder, now=(now := clock.now()), lives_until=lives_until):
        if not waited:
            say(f"another build works on {suffix}: waiting for it")
        waited = True
        if clock.now() > deadline:
            raise BranchError(f"another build holds {suffix} for more than {_PATIENCE_SECONDS / 60:.0f} minutes")
        clock.sleep(_POLL_SECONDS)
    kept = Kept(records=records, suffix=suffix, holder=holder, clock=clock, say=say, until=now + LEASE_SECONDS)
    ended = threading.Event()
    keeper = threading.Thread(target=kept.keep, args=(ended,), daemon=True)
    keeper.start()
    try:
        yield kept.look
    finally:
        ended.set()
        keeper.join()
        records.release(suffix, holder=holder)


@dataclass(kw_only=True)
class Kept:
    """A lease, renewed as long as nobody else has it. `until` is when it ends if it is not renewed any more."""

    records: Records
    suffix: str
    holder: str
    clock: Clock
    say: Say
    until: float

    def look(self) -> None:
        if self.clock.now() >= self.until:
            raise LostLease(f"the lease of {self.suffix} was lost: another may work on it")

    def keep(self, ended: threading.Event) -> None:
        while not ended.wait(_RENEW_SECONDS):
            self.renew()

    def renew(self) -> None:
        now = self.clock.now()
        try:
            self.records.renew(self.suffix, holder=self.holder, now=now)
        except LostLease as error:
            self.until = now
            self.say(str(error))
        except (BotoCoreError, ClientError) as error:
            self.say(f"the lease of {self.suffix} could not be renewed: {error}")
        else:
            self.until = now + LEASE_SECONDS


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
