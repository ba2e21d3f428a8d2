"""Payments in DynamoDB: `META` holds the present, `EVT#<version>` each step, and one transaction writes both."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from payment_core.aws import dependency
from payment_core.clock import timestamp
from payment_core.errors import ErrorCode
from transaction_processing.dynamodb_idempotency import UNAVAILABLE, DynamoDbIdempotencyStore
from transaction_processing.errors import KeyAlreadyUsed
from transaction_processing.idempotency import Completion
from transaction_processing.items import (
    WRITE_ATTEMPTS,
    DynamoDb,
    Item,
    cancellation_codes,
    from_item,
    pause_seconds,
    to_item,
)
from transaction_processing.ledger import ConcurrentChange, DailyLimitExceeded, Found, OperationStatus, Page, Position
from transaction_processing.operations import Operation
from transaction_processing.payment_items import (
    AUTHORIZED,
    OPEN,
    PENDING,
    SHARDS,
    end_of,
    event_item,
    found_in,
    from_meta,
    meta_key,
    operation_item,
    operation_key,
    to_meta,
)
from transaction_processing.payments import Payment
from transaction_processing.pending import PendingOperation
from transaction_processing.states import PaymentState

BY_CUSTOMER = "by-customer"
OPEN_PAYMENTS = "open-payments"
PAGE = 25
# Sorts before every time.
BEGINNING = "0"
# A payment is settled long before.
DAY_KEPT = timedelta(days=7)


class DynamoDbLedger:
    """Implements `Ledger`."""

    def __init__(
        self,
        *,
        client: DynamoDb,
        table_name: str,
        idempotency: DynamoDbIdempotencyStore,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause = pause
        self._client = client
        self._table_name = table_name
        self._idempotency = idempotency

    def find(self, payment_id: str) -> Payment | None:
        with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
            answer = self._client.get_item(
                TableName=self._table_name, Key=to_item(meta_key(payment_id)), ConsistentRead=True
            )
        return from_meta(from_item(answer["Item"])) if "Item" in answer else None

    def create(
        self,
        steps: list[Payment],
        *,
        correlation_id: str,
        completion: Completion | None = None,
        daily_limit_minor: int | None = None,
    ) -> None:
        meta = {
            "Put": {
                "TableName": self._table_name,
                "Item": to_item(to_meta(steps[-1])),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }
        items = [meta, *(self._event(step, correlation_id) for step in steps)]
        if daily_limit_minor is not None:
            items.append(self._spend(steps[-1], daily_limit_minor))
        codes = self._write(items, completion)
        if codes and codes[0] == "ConditionalCheckFailed":
            raise KeyAlreadyUsed
        if codes and daily_limit_minor is not None and codes[len(steps) + 1] == "ConditionalCheckFailed":
            raise DailyLimitExceeded
        if codes:
            raise ConcurrentChange

    def advance(
        self,
        before: Payment,
        after: Payment,
        *,
        correlation_id: str,
        completion: Completion | None = None,
        refusal: str | None = None,
    ) -> None:
        meta = {
            "Put": {
                "TableName": self._table_name,
                "Item": to_item(to_meta(after)),
                "ConditionExpression": "#state = :state AND version = :version",
                "ExpressionAttributeNames": {"#state": "state"},
                "ExpressionAttributeValues": to_item({":state": before.state, ":version": before.version}),
            }
        }
        begins, ends = _pending_of(after, unless=before), _pending_of(before, unless=after)
        items = [meta, self._event(after, correlation_id, begins=begins, ends=ends, refusal=refusal)]
        if begins is not None:
            items.append(self._operation(after.payment_id, begins))
        if ends is not None:
            items.append(self._ended(after.payment_id, ends, refusal))
        if _gives_back(before, after):
            items.append(self._give_back(after))
        codes = self._write(items, completion)
        if codes and begins is not None and codes[2] == "ConditionalCheckFailed":
            raise KeyAlreadyUsed
        if codes:
            raise ConcurrentChange

    def status_of(self, operation: Operation) -> OperationStatus | None:
        with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
            answer = self._client.get_item(
                TableName=self._table_name,
                Key=to_item(operation_key(operation.payment_id, operation.operation_id)),
                ConsistentRead=True,
            )
        if "Item" not in answer:
            return None
        record = from_item(answer["Item"])
        return OperationStatus(pending=record.get("status") == PENDING, refusal=record.get("refusal"))

    def open_before(self, moment: datetime) -> Iterator[Found]:
        return self._in_shards(OPEN, moment)

    def authorized_before(self, moment: datetime) -> Iterator[Found]:
        return self._in_shards(AUTHORIZED, moment)

    def _in_shards(self, kind: str, moment: datetime) -> Iterator[Found]:
        # Not always from the same one: who runs out of time must not leave the same ones out each time.
        first = moment.minute % SHARDS
        for shard in (*range(first, SHARDS), *range(first)):
            request: dict[str, object] = {
                "TableName": self._table_name,
                "IndexName": OPEN_PAYMENTS,
                "KeyConditionExpression": "open_shard = :shard AND created_at <= :moment",
                "ExpressionAttributeValues": to_item({":shard": f"{kind}#{shard}", ":moment": timestamp(moment)}),
                "Limit": PAGE,
            }
            while True:
                with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
                    answer = self._client.query(**request)
                yield from (found_in(from_item(item)) for item in answer["Items"])
                if "LastEvaluatedKey" not in answer:
                    break
                request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def of_customer(
        self, *, merchant_id: str, customer_id: str, since: datetime | None, limit: int, after: Position | None
    ) -> Page:
        customer_key = f"{merchant_id}#{customer_id}"
        request: dict[str, object] = {
            "TableName": self._table_name,
            "IndexName": BY_CUSTOMER,
            "KeyConditionExpression": "customer_key = :customer AND created_at >= :since",
            "ExpressionAttributeValues": to_item(
                {":customer": customer_key, ":since": timestamp(since) if since else BEGINNING}
            ),
            "Limit": limit,
        }
        if after is not None:
            # The partition is the caller's whatever the position says: nobody reads on in somebody else's payments.
            start = {**meta_key(after.payment_id), "customer_key": customer_key, "created_at": after.created_at}
            request["ExclusiveStartKey"] = to_item(start)
        with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
            answer = self._client.query(**request)
        payments = [from_meta(from_item(item)) for item in answer["Items"]]
        following = None
        if "LastEvaluatedKey" in answer:
            last = from_item(answer["LastEvaluatedKey"])
            following = Position(created_at=last["created_at"], payment_id=last["pk"].removeprefix("PAY#"))
        return Page(payments=payments, following=following)

    def _write(self, items: list[Item], completion: Completion | None) -> list[str]:
        """Write all or nothing; the codes of a transaction that was cancelled by a condition, else an empty list."""
        if completion is not None:
            items = [*items, self._idempotency.completion_write(completion)]
        for attempt in range(WRITE_ATTEMPTS):
            with dependency(ErrorCode.STORAGE_UNAVAILABLE, UNAVAILABLE):
                try:
                    self._client.transact_write_items(TransactItems=items)
                except ClientError as error:
                    codes = cancellation_codes(error)
                    if "ConditionalCheckFailed" in codes:
                        return codes
                    if "TransactionConflict" not in codes or attempt == WRITE_ATTEMPTS - 1:
                        raise
                else:
                    return []
            # Payments of one customer meet in its day; who lost comes again.
            self._pause(pause_seconds())
        raise AssertionError("every attempt returns or raises")

    def _event(
        self,
        payment: Payment,
        correlation_id: str,
        *,
        begins: PendingOperation | None = None,
        ends: PendingOperation | None = None,
        refusal: str | None = None,
    ) -> Item:
        """An event is written once and never changed."""
        event = event_item(payment, correlation_id, begins=begins, ends=ends, refusal=refusal)
        return {
            "Put": {
                "TableName": self._table_name,
                "Item": to_item(event),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _spend(self, payment: Payment, daily_limit_minor: int) -> Item:
        """Condition and addition are one write, so that no two payments can take the same room."""
        return self._day(
            payment,
            update="SET expires_at = :expires_at ADD spent_minor :amount",
            condition="attribute_not_exists(pk) OR spent_minor <= :room",
            values={
                ":amount": payment.money.amount_minor,
                ":room": daily_limit_minor - payment.money.amount_minor,
                ":expires_at": int((payment.created_at + DAY_KEPT).timestamp()),
            },
        )

    def _give_back(self, payment: Payment) -> Item:
        return self._day(
            payment,
            update="ADD spent_minor :amount",
            condition="spent_minor >= :spent",
            values={":amount": -payment.money.amount_minor, ":spent": payment.money.amount_minor},
        )

    def _day(self, payment: Payment, *, update: str, condition: str, values: dict[str, object]) -> Item:
        customer_day = f"DAY#{payment.merchant_id}#{payment.customer_id}#{timestamp(payment.created_at)[:10]}"
        key = {"pk": f"{customer_day}#{payment.money.currency}", "sk": "SPENT"}
        return {
            "Update": {
                "TableName": self._table_name,
                "Key": to_item(key),
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": to_item(values),
            }
        }

    def _operation(self, payment_id: str, operation: PendingOperation) -> Item:
        """Outlives the idempotency key: what was done once under a key is never done again."""
        record = operation_item(payment_id, operation)
        return {
            "Put": {
                "TableName": self._table_name,
                "Item": to_item(record),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _ended(self, payment_id: str, operation: PendingOperation, refusal: str | None) -> Item:
        return {
            "Update": {
                "TableName": self._table_name,
                "Key": to_item(operation_key(payment_id, operation.operation_id)),
                "UpdateExpression": "SET #status = :end" + (", refusal = :refusal" if refusal else ""),
                "ConditionExpression": "#status = :pending",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": to_item(
                    {":end": end_of(refusal), ":pending": PENDING, ":refusal": refusal}
                ),
            }
        }


def _pending_of(payment: Payment, *, unless: Payment) -> PendingOperation | None:
    return payment.pending if unless.pending is None else None


def _gives_back(before: Payment, after: Payment) -> bool:
    """What is declined, or voided while the day lasts, was never spent. A day that is over needs no room any more."""
    same_day = timestamp(after.updated_at)[:10] == timestamp(after.created_at)[:10]
    ends = after.state in (PaymentState.DECLINED, PaymentState.VOIDED) and after.state is not before.state
    return before.counted and ends and same_day
