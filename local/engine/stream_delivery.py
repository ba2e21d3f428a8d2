"""What Lambda does when a batch of a table's stream fails; ministack repeats the whole batch for ever.

A partial failure goes on at the record that failed; an error halves the batch where the event source says so; what
fails more often than the event source allows goes to its on-failure destination.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.engine import seams
from local.engine.registry import Engine, Registry

Execute = Callable[[Any, Any], dict[str, Any]]
Records = list[dict[str, Any]]
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0


def register(registry: Registry) -> None:
    registry.before_start(improve)


def improve(_: Engine) -> None:
    seams.wrap("lambda.execute", _with_partial_failures)


def _with_partial_failures(original: Execute) -> Execute:
    def execute(func: Any, event: Any) -> dict[str, Any]:
        source = _event_source(func, event)
        if source is None:
            return original(func, event)
        return Delivery(execute=original, function=func, source=source).of(event["Records"])

    return execute


def _event_source(func: Any, event: Any) -> Mapping[str, Any] | None:
    """Where this batch comes from, if its retries are limited; without a limit ministack does what AWS does."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not records or not isinstance(records[0], dict) or records[0].get("eventSource") != "aws:dynamodb":
        return None
    name = (func.get("config") or func).get("FunctionName")
    for source in seams.get("lambda.event_sources").values():
        if source["FunctionName"] == name and source["EventSourceArn"] == records[0].get("eventSourceARN"):
            return source if int(source.get("MaximumRetryAttempts", -1)) >= 0 else None
    return None


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One batch on its way to a function."""

    execute: Execute
    function: Any
    source: Mapping[str, Any]

    def of(self, records: Records, *, attempts: int = 0) -> dict[str, Any]:
        """Deliver until everything is done or given up; the answer is always a success, so that the stream goes on."""
        while True:
            result = self.execute(self.function, {"Records": records})
            done = self._done(records, result)
            if done == len(records):
                return result
            if done > 0:
                records, attempts = records[done:], 0
            elif result.get("error") and self._halves and len(records) > 1:
                self.of(records[: len(records) // 2])
                records = records[len(records) // 2 :]
                continue
            if attempts >= int(self.source["MaximumRetryAttempts"]):
                seams.get("lambda.stream_failure")(
                    self.source,
                    self.function,
                    records,
                    self.source["EventSourceArn"],
                    result,
                    "RetryAttemptsExhausted",
                )
                return {"body": {"batchItemFailures": []}}
            time.sleep(min(FIRST_PAUSE_SECONDS * 2**attempts, LONGEST_PAUSE_SECONDS))
            attempts += 1

    @property
    def _halves(self) -> bool:
        return str(self.source.get("BisectBatchOnFunctionError")).lower() == "true"

    def _done(self, records: Records, result: Mapping[str, Any]) -> int:
        """How many records, from the first on, the function has dealt with."""
        if result.get("error"):
            return 0
        body = result.get("body")
        if "ReportBatchItemFailures" not in self.source.get("FunctionResponseTypes", []) or not isinstance(body, dict):
            return len(records)
        failed = {str(item.get("itemIdentifier")) for item in body.get("batchItemFailures") or []}
        numbers = [str(record["dynamodb"]["SequenceNumber"]) for record in records]
        if failed - set(numbers):
            return 0
        return next((position for position, number in enumerate(numbers) if number in failed), len(records))
