"""Idempotency keys in DynamoDB: one conditional write decides who serves a key."""

import time
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from payment_core.aws import dependency
from payment_core.errors import ErrorCode
from transaction_processing.errors import IdempotencyInFlight, IdempotencyKeyReused
from transaction_processing.idempotency import KEEP, LEASE, Claim, Completion, Scope, StoredAnswer
from transaction_processing.items import (
    WRITE_ATTEMPTS,
    DynamoDb,
    Item,
    condition_failed,
    from_item,
    met_transaction,
    pause_seconds,
    to_item,
)

IN_FLIGHT = "in_flight"
COMPLETED = "completed"
UNAVAILABLE = "The payment store does not answer. Retry with the same key."


class DynamoDbIdempotencyStore:
    """Implements `IdempotencyStore`. DynamoDB deletes expired records when it likes, so conditions look at the time."""

    def __init__(self, *, client: DynamoDb, table_name: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause
        self._client = client
        self._table_name = table_name

    def claim(self, scope: Scope, *, request_fingerprint: str, now: datetime) -> Claim | StoredAnswer:
        seconds, owner = int(now.timestamp()), uuid.uuid4().hex
        record = {
            "pk": scope.record_id,
            "status": IN_FLIGHT,
            "owner": owner,
            "request_fingerprint": request_fingerprint,
            "lease_until": int((now + LEASE).timestamp()),
            "expires_at": int((now + KEEP).timestamp()),
        }
        with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
            try:
                written = self._client.put_item(
                    TableName=self._table_name,
                    Item=to_item(record),
                    ConditionExpression=(
                        "attribute_not_exists(pk) OR expires_at <= :now OR "
                        "(#status = :in_flight AND lease_until <= :now AND request_fingerprint = :fingerprint)"
                    ),
                    ExpressionAttributeNames={"#status": "status"},
                    ExpressionAttributeValues=to_item(
                        {":now": seconds, ":in_flight": IN_FLIGHT, ":fingerprint": request_fingerprint}
                    ),
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if met_transaction(error):
                    # It writes the key's answer: whoever comes a moment later finds that.
                    raise IdempotencyInFlight from error
                if not condition_failed(error):
                    raise
                refused_by: Any = error.response
                record = from_item(refused_by["Item"])
                if record["owner"] != owner:
                    return _stored_answer(record, request_fingerprint=request_fingerprint)
                # Our own write, whose answer got lost before boto3 tried again. What it replaced is not known.
                return Claim(scope=scope, request_fingerprint=request_fingerprint, owner=owner, resumed=True)
        before = from_item(written.get("Attributes", {}))
        return Claim(
            scope=scope,
            request_fingerprint=request_fingerprint,
            owner=owner,
            resumed=bool(before) and before["expires_at"] > seconds,
        )

    def peek(self, scope: Scope, *, request_fingerprint: str, now: datetime) -> StoredAnswer | None:
        with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
            answer = self._client.get_item(
                TableName=self._table_name, Key=to_item({"pk": scope.record_id}), ConsistentRead=True
            )
        record = from_item(answer.get("Item", {}))
        seconds = int(now.timestamp())
        if not record or record["expires_at"] <= seconds:
            return None
        if record["status"] == IN_FLIGHT and record["lease_until"] <= seconds:
            return None
        return _stored_answer(record, request_fingerprint=request_fingerprint)

    def release(self, claim: Claim) -> None:
        values = {":owner": claim.owner, ":in_flight": IN_FLIGHT}
        self._unless_lost(self._client.delete_item, self._owned(claim, values))

    def suspend(self, claim: Claim) -> None:
        values = {":owner": claim.owner, ":in_flight": IN_FLIGHT, ":ended": 0}
        request = {**self._owned(claim, values), "UpdateExpression": "SET lease_until = :ended"}
        self._unless_lost(self._client.update_item, request)

    def complete(self, completion: Completion) -> None:
        self._unless_lost(self._client.update_item, self.completion_write(completion)["Update"])

    def completion_write(self, completion: Completion) -> Item:
        """The transaction item that ends a claim with its answer; refused when the claim was lost."""
        values = {
            ":owner": completion.claim.owner,
            ":in_flight": IN_FLIGHT,
            ":completed": COMPLETED,
            ":code": completion.answer.status,
            ":body": completion.answer.body,
        }
        update = "SET #status = :completed, answer_status = :code, answer_body = :body"
        return {"Update": {**self._owned(completion.claim, values), "UpdateExpression": update}}

    def _owned(self, claim: Claim, values: Mapping[str, object]) -> Item:
        """A write to the claim's record that is refused once somebody else owns it."""
        return {
            "TableName": self._table_name,
            "Key": to_item({"pk": claim.scope.record_id}),
            "ConditionExpression": "#owner = :owner AND #status = :in_flight",
            "ExpressionAttributeNames": {"#owner": "owner", "#status": "status"},
            "ExpressionAttributeValues": to_item(values),
        }

    def _unless_lost(self, write: Callable[..., Any], request: Item) -> None:
        for attempt in range(WRITE_ATTEMPTS):
            with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
                try:
                    write(**request)
                except ClientError as error:
                    # Whoever took the claim over decides what becomes of the key.
                    if condition_failed(error):
                        return
                    if not met_transaction(error) or attempt == WRITE_ATTEMPTS - 1:
                        raise
                else:
                    return
            self._pause(pause_seconds())


def _stored_answer(record: dict[str, Any], *, request_fingerprint: str) -> StoredAnswer:
    if record["request_fingerprint"] != request_fingerprint:
        raise IdempotencyKeyReused
    if record["status"] != COMPLETED:
        raise IdempotencyInFlight
    return StoredAnswer(status=record["answer_status"], body=record["answer_body"])
