"""Metric filters: metrics out of log events.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html
"""

from __future__ import annotations

import json
import math
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.engine import context, seams
from local.engine.cloudwatch import clock
from local.engine.cloudwatch.filter_patterns import FilterPattern, compile_pattern
from local.engine.cloudwatch.json_patterns import check_selector
from local.engine.cloudwatch.patterns import NUMBER, FilterPatternError
from local.engine.registry import Engine, Registry, Request, Response, ServiceHandler
from local.engine.replies import json_error, json_reply

PATTERNED = ("FilterLogEvents", "PutMetricFilter", "PutSubscriptionFilter", "StartLiveTail", "TestMetricFilter")
REFUSED = ("applyOnTransformedLogs", "emitSystemFieldDimensions", "fieldSelectionCriteria")
MOST_DIMENSIONS = 3
LOOK_SECONDS = 0.25
# Account, region, log group, filter, and the minute since 1970.
Minute = tuple[str, str, str, str, int]


def register(registry: Registry) -> None:
    filters = MetricFilters(factor=clock.factor)
    registry.before_start(filters.install)
    registry.on_start(filters.run)
    registry.wrap_service("logs", answer)
    registry.after("AWS::Logs::SubscriptionFilter", lambda made: check_pattern(made.properties["FilterPattern"]))


async def answer(request: Request, proceed: ServiceHandler) -> Response:
    """Refuse patterns that would be misread, and answer TestMetricFilter, which ministack lacks."""
    operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if operation not in PATTERNED:
        return await proceed(request)
    asked = json.loads(request.body or b"{}")
    try:
        pattern = _pattern(operation, asked)
        if operation == "TestMetricFilter":
            return json_reply({"matches": matches(pattern, asked["logEventMessages"])})
        if operation == "PutMetricFilter":
            for transformation in asked["metricTransformations"]:
                check_transformation(transformation, pattern)
    except FilterPatternError as error:
        return json_error("InvalidParameterException", f"Invalid filter: {error}")
    return await proceed(request)


def _pattern(operation: str, asked: Mapping[str, Any]) -> FilterPattern:
    if lost := [name for name in REFUSED if asked.get(name)]:
        raise FilterPatternError(f"{operation}: no behaviour here for {', '.join(lost)}")
    return compile_pattern(asked.get("filterPattern") or asked.get("logEventFilterPattern") or "")


def check_pattern(pattern: str) -> None:
    """Raise `FilterPatternError`: ministack's template type keeps any pattern."""
    compile_pattern(pattern)


def matches(pattern: FilterPattern, messages: Sequence[str]) -> list[dict[str, Any]]:
    """TestMetricFilter's answer: the messages that match, counted from 1, with what is extracted of each."""
    found = [(number, message, pattern.fields(message)) for number, message in enumerate(messages, start=1)]
    return [
        {"eventNumber": number, "eventMessage": message, "extractedValues": dict(fields)}
        for number, message, fields in found
        if fields is not None
    ]


def check_transformation(transformation: Mapping[str, Any], pattern: FilterPattern) -> None:
    """Raise `FilterPatternError` for what PutMetricFilter refuses."""
    dimensions = transformation.get("dimensions") or {}
    if dimensions and transformation.get("defaultValue") is not None:
        raise FilterPatternError("a metric with dimensions has no default value")
    if len(dimensions) > MOST_DIMENSIONS:
        raise FilterPatternError(f"a metric of a filter has at most {MOST_DIMENSIONS} dimensions")
    selectors = [*dimensions.values()]
    if not NUMBER.fullmatch(transformation["metricValue"]):
        selectors.append(transformation["metricValue"])
    for selector in selectors:
        if not pattern.has_fields or not selector.startswith("$"):
            raise FilterPatternError(f"{selector}: is no field of the pattern, and no number")
        if selector.startswith("$."):
            check_selector(selector)


class MetricFilters:
    """Writes the metrics of log events as they come, and the default values of minutes that had none that matched."""

    def __init__(self, *, factor: Callable[[], float]) -> None:
        self._factor = factor
        self._lock = threading.Lock()
        self._minutes: dict[Minute, bool] = {}

    def install(self, _: Engine) -> None:
        """See every log event that ministack stores, and let all filters read patterns alike."""
        seams.wrap("logs.stored", self._observed)
        seams.replace("logs.matcher", lambda raw: compile_pattern(raw).matches)
        seams.replace(
            "logs.subscription_matches", lambda pattern, message: compile_pattern(pattern or "").matches(message)
        )

    def run(self, _: Engine) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.close_minutes(now=time.time())
            except Exception:  # no filter would have its default values any more
                traceback.print_exc()

    def close_minutes(self, *, now: float) -> None:
        """Write the default value for every minute that is over, had log events and none that matched."""
        running = math.floor(now / self._seconds())
        with self._lock:
            over = {minute: matched for minute, matched in self._minutes.items() if minute[-1] < running}
            for minute in over:
                del self._minutes[minute]
        for (account, region, group, name, minute_number), matched in over.items():
            if matched:
                continue
            with context.acting_in(account, region):
                for transformation in (seams.get("logs.metric_filters").get((group, name)) or {}).get(
                    "metricTransformations", ()
                ):
                    if transformation.get("defaultValue") is not None:
                        at = minute_number * self._seconds()
                        _write(transformation, float(transformation["defaultValue"]), {}, at=at)

    def _seconds(self) -> float:
        return 60 * self._factor()

    def _observed(self, original: Callable[..., None]) -> Callable[..., None]:
        def stored(group_name: str, stream_name: str, events: Sequence[Mapping[str, Any]]) -> None:
            for (group, name), kept in list(seams.get("logs.metric_filters").items()):
                if group == group_name:
                    self._apply(name, kept, events)
            original(group_name, stream_name, events)

        return stored

    def _apply(self, name: str, kept: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> None:
        pattern = compile_pattern(kept["filterPattern"])
        for event in events:
            at = float(event.get("timestamp") or time.time() * 1000) / 1000
            fields = pattern.fields(str(event.get("message", "")))
            minute = (context.account(), context.region(), kept["logGroupName"], name, math.floor(at / self._seconds()))
            if minute[-1] >= math.floor(time.time() / self._seconds()):  # a late event opens no minute again
                with self._lock:
                    self._minutes[minute] = self._minutes.get(minute, False) or fields is not None
            for transformation in kept["metricTransformations"] if fields is not None else ():
                _publish(transformation, pattern, str(event["message"]), fields or {}, at=at)


def _publish(
    transformation: Mapping[str, Any], pattern: FilterPattern, message: str, fields: Mapping[str, str], *, at: float
) -> None:
    """Write a matching event's value, unless it lacks the value or a dimension."""
    found = {selector: pattern.value(message, fields, selector) for selector in _selectors(transformation)}
    if any(value is None for value in found.values()):
        return
    value = found.get(transformation["metricValue"], transformation["metricValue"])
    if NUMBER.fullmatch(str(value)):
        dimensions = {name: str(found[selector]) for name, selector in (transformation.get("dimensions") or {}).items()}
        _write(transformation, float(str(value)), dimensions, at=at)


def _selectors(transformation: Mapping[str, Any]) -> set[str]:
    asked = {transformation["metricValue"], *(transformation.get("dimensions") or {}).values()}
    return {selector for selector in asked if selector.startswith("$")}


def _write(transformation: Mapping[str, Any], value: float, dimensions: Mapping[str, str], *, at: float) -> None:
    seams.get("cloudwatch.store")(
        transformation["metricNamespace"],
        transformation["metricName"],
        dict(dimensions),
        at,
        transformation.get("unit") or "None",
        value,
        None,
        None,
        None,
    )
