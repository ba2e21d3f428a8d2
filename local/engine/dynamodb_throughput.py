"""DynamoDB refuses what goes over a table's throughput: a provisioned one, or an on-demand table's maximum.

An on-demand table without a maximum is never throttled here. Each item counts as one unit, and as two in a
transaction: sizes are not measured.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode-max-throughput.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.engine import context, seams
from local.engine.registry import Registry, Request, Response, ServiceHandler
from local.engine.replies import json_error, json_reply

WRITES = ("BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem")
CHANGES = ("CreateTable", "DeleteTable", "UpdateTable")
READS = ("BatchGetItem", "GetItem", "Query", "Scan", "TransactGetItems")
# Unused provisioned capacity is kept for five minutes, an on-demand maximum is one for each second.
BURST_SECONDS = 300
# How long it may take until a limit that a template sets is seen; one set by an API call is seen at once.
LOOK_SECONDS = 1.0
PER_ITEM_IN_TRANSACTION = 2


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Units per second, and how many can be used at once."""

    per_second: float
    burst: float
    on_demand: bool


def register(registry: Registry) -> None:
    registry.wrap_service("dynamodb", Throughput().answer)


class Throughput:
    """A token bucket for the reads and one for the writes of each limited table; it may go below zero by one call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, ...], tuple[float, float]] = {}
        self._limited: dict[tuple[str, ...], tuple[float, bool]] = {}

    async def answer(self, request: Request, proceed: ServiceHandler) -> Response:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation in CHANGES:
            response = await proceed(request)
            self._limited.clear()
            return response
        kind = "Write" if operation in WRITES else "Read"
        if operation not in (*WRITES, *READS) or not self._has_limits(kind):
            return await proceed(request)
        for name, units in _units(json.loads(request.body)):
            table = seams.get("dynamodb.tables").get(name)
            limit = _limit(table, kind) if table else None
            if limit is not None and not self._take((context.account(), context.region(), name, kind), limit, units):
                return _refused(name, operation, kind, limit)
        return await proceed(request)

    def _has_limits(self, kind: str) -> bool:
        """Whether any table of the account has a limit: most have none, and every payment asks several times."""
        key, now = (context.account(), context.region(), kind), self._clock()
        looked, found = self._limited.get(key, (-LOOK_SECONDS, False))
        if now - looked >= LOOK_SECONDS:
            looked, found = now, any(_limit(table, kind) for table in seams.get("dynamodb.tables").values())
            self._limited[key] = looked, found
        return found

    def _take(self, key: tuple[str, ...], limit: Limit, units: float) -> bool:
        now = self._clock()
        tokens, last = self._buckets.get(key, (limit.burst, now))
        tokens = min(limit.burst, tokens + (now - last) * limit.per_second)
        enough = tokens >= 1
        self._buckets[key] = (tokens - units if enough else tokens, now)
        return enough


def _limit(table: Mapping[str, Any], kind: str) -> Limit | None:
    if (table.get("BillingModeSummary") or {}).get("BillingMode") == "PAY_PER_REQUEST":
        most = (table.get("OnDemandThroughput") or {}).get(f"Max{kind}RequestUnits", -1)
        return Limit(per_second=most, burst=most, on_demand=True) if most and most > 0 else None
    units = float((table.get("ProvisionedThroughput") or {}).get(f"{kind}CapacityUnits") or 0)
    return Limit(per_second=units, burst=units * BURST_SECONDS, on_demand=False) if units else None


def _units(asked: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Each table that the call touches and what it costs there."""
    if "TableName" in asked:
        yield _name(asked["TableName"]), 1
    for name, items in (asked.get("RequestItems") or {}).items():
        yield _name(name), len(items["Keys"] if isinstance(items, dict) else items)
    names = [_name(next(iter(item.values()))["TableName"]) for item in asked.get("TransactItems") or ()]
    for name in dict.fromkeys(names):
        yield name, PER_ITEM_IN_TRANSACTION * names.count(name)


def _name(name_or_arn: str) -> str:
    return name_or_arn.rpartition(":table/")[2]


def _refused(name: str, operation: str, kind: str, limit: Limit) -> Response:
    record = seams.get("cloudwatch.record")
    record("AWS/DynamoDB", "ThrottledRequests", 1.0, "Count", {"TableName": name, "Operation": operation})
    record("AWS/DynamoDB", f"{kind}ThrottleEvents", 1.0, "Count", {"TableName": name})
    if not limit.on_demand:
        return json_error(
            "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
            "provisioning level with the UpdateTable API.",
        )
    arn = f"arn:aws:dynamodb:{context.region()}:{context.account()}:table/{name}"
    reason = {"reason": f"Table{kind}MaxOnDemandThroughputExceeded", "resource": arn}
    return json_reply(
        {
            "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
            "message": "Throughput exceeds the maximum OnDemandThroughput configured on table or index",
            "throttlingReasons": [reason],
        },
        status=400,
    )
