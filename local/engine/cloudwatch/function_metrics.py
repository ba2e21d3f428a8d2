"""Metrics that come from running functions: those of an alias or version, and those written as log lines.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from local.engine import context, seams
from local.engine.registry import Engine, Registry, Request, Response, ServiceHandler

PUT = ".PutLogEvents"


def register(registry: Registry) -> None:
    registry.before_start(observe)
    registry.wrap_service("logs", read_put_events)


def observe(_: Engine) -> None:
    seams.wrap("lambda.execute", _measured)
    seams.wrap("lambda.emit_logs", _with_embedded_metrics)
    # ministack's own know no asynchronous errors, and count what is throttled as an invocation.
    seams.replace("lambda.emit_metrics", lambda *_, **__: None)


@dataclass(frozen=True, kw_only=True)
class Observation:
    namespace: str
    name: str
    value: float
    unit: str
    dimensions: dict[str, str]
    at: float

    def store(self) -> None:
        values = (self.at, self.unit, self.value, None, None, None)
        seams.get("cloudwatch.store")(self.namespace, self.name, self.dimensions, *values)


def _measured(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Record each invocation, whoever makes it, for the function and for the alias or version that was called."""

    def execute(func: dict[str, Any], event: Any) -> dict[str, Any]:
        arn = str((func.get("config") or func).get("FunctionArn", "")).split(":")
        if len(arn) < 7 or arn[4] != context.account():
            # About to be called again in the function's own account.
            return original(func, event)
        at_once = _running(arn[6])
        started = time.monotonic()
        result = original(func, event)
        milliseconds = (time.monotonic() - started) * 1000
        dimensions = [{"FunctionName": arn[6]}]
        if len(arn) > 7:
            dimensions.append({"FunctionName": arn[6], "Resource": f"{arn[6]}:{arn[7]}"})
        for each in dimensions:
            _record(each, milliseconds, error=bool(result.get("error")), throttled=bool(result.get("throttle")))
        if not result.get("throttle"):
            for where, count in at_once:
                seams.get("cloudwatch.record")("AWS/Lambda", "ConcurrentExecutions", float(count), "Count", where)
        return result

    return execute


def _record(dimensions: dict[str, str], milliseconds: float, *, error: bool, throttled: bool) -> None:
    """A throttled call is no invocation and no error."""
    record = seams.get("cloudwatch.record")
    record("AWS/Lambda", "Throttles", float(throttled), "Count", dimensions)
    if not throttled:
        record("AWS/Lambda", "Invocations", 1.0, "Count", dimensions)
        record("AWS/Lambda", "Errors", float(error), "Count", dimensions)
        record("AWS/Lambda", "Duration", milliseconds, "Milliseconds", dimensions)


def _running(function_name: str) -> tuple[tuple[dict[str, str], int], ...]:
    """How many run with one more, of the function and of the account."""
    _, by_function = seams.get("lambda.in_flight")()
    scope = f"{context.account()}:{context.region()}:"
    together = sum(count for key, count in by_function.items() if key.startswith(scope))
    return ({"FunctionName": function_name}, by_function.get(scope + function_name, 0) + 1), ({}, together + 1)


def _with_embedded_metrics(original: Callable[..., None]) -> Callable[..., None]:
    def emit(
        func: dict[str, Any],
        request_id: str,
        log_text: str,
        error: bool,
        duration_ms: int,
        *,
        log_source: str | None = None,
    ) -> None:
        for line in (log_text or "").splitlines():
            for seen in embedded_metrics(line):
                seen.store()
        original(func, request_id, log_text, error, duration_ms, log_source=log_source)

    return emit


async def read_put_events(request: Request, proceed: ServiceHandler) -> Response:
    """Find the metrics of log events that a caller puts, as of those that functions write."""
    response = await proceed(request)
    if response.status < 300 and b"_aws" in request.body and request.headers.get("x-amz-target", "").endswith(PUT):
        for event in json.loads(request.body)["logEvents"]:
            for seen in embedded_metrics(event["message"]):
                seen.store()
    return response


def embedded_metrics(line: str) -> Iterator[Observation]:
    """The observations of a log line in the embedded metric format; none of any other line, as none of a wrong one."""
    if '"_aws"' not in line:
        return
    try:
        found = list(_observations(json.loads(line)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    yield from found


def _observations(document: Any) -> Iterator[Observation]:
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive["Metrics"]:
                values = document[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    yield Observation(
                        namespace=directive["Namespace"],
                        name=metric["Name"],
                        value=float(value),
                        unit=metric.get("Unit", "None"),
                        dimensions=dimensions,
                        at=float(document["_aws"].get("Timestamp") or time.time() * 1000) / 1000,
                    )
