"""CloudWatch's calls that ministack answers for plain metrics only, and parameters that it would lose in silence.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from local.engine import context, inprocess, seams
from local.engine.cloudwatch import alarm_actions
from local.engine.cloudwatch.errors import CloudWatchError
from local.engine.cloudwatch.metric_alarm import MetricAlarm
from local.engine.cloudwatch.metric_data import get_metric_data, get_metric_statistics
from local.engine.load_balancer import protocol
from local.engine.load_balancer.errors import ApiError
from local.engine.registry import Registry, Request, Response, ServiceHandler
from local.engine.replies import json_error, json_reply

# Parameters that have no behaviour here: to take them and do nothing would be a lie.
REFUSED: Mapping[str, tuple[str, ...]] = {
    "DescribeAlarms": ("ChildrenOfAlarmName", "ParentsOfAlarmName"),
    "PutCompositeAlarm": ("ActionsSuppressor", "ActionsSuppressorExtensionPeriod", "ActionsSuppressorWaitPeriod"),
    "PutMetricAlarm": (
        "EvaluationCriteria",
        "EvaluationInterval",
        "EvaluationWindow",
        "ThresholdMetricId",
        "WarmUpConfiguration",
    ),
}
# What ministack makes up for an alarm on an expression, which has none of it.
OF_PLAIN_ALARMS = ("Dimensions", "ExtendedStatistic", "MetricName", "Namespace", "Period", "Statistic", "Unit")
# ministack pools all dimensions where none are given, and has no expressions.
READS = {"GetMetricData": get_metric_data, "GetMetricStatistics": get_metric_statistics}
KEPT = ("EvaluateLowSampleCountPercentile", "InsufficientDataActions")


def register(registry: Registry) -> None:
    registry.wrap_service("monitoring", answer)


async def answer(request: Request, proceed: ServiceHandler) -> Response:
    if "cbor" in request.headers.get("content-type", ""):
        return json_error("UnsupportedProtocol", "The embedded CloudWatch speaks JSON and the query protocol, not CBOR")
    try:
        operation, asked, is_query = _read(request)
    except (ApiError, ValueError):
        return await proceed(request)  # ministack says what is wrong with a call that does not exist
    try:
        _refuse_silent_losses(operation, asked)
        if operation in ("PutCompositeAlarm", "PutMetricAlarm"):
            alarm_actions.check(asked)
        if operation == "PutMetricAlarm":
            return await _put_metric_alarm(asked, request, proceed)
        if operation in READS:
            result = READS[operation](asked, account=context.account(), region=context.region())
            return _reply(operation, result, is_query=is_query)
    except CloudWatchError as error:
        return _error(str(error), is_query=is_query)
    return await proceed(request)


def _read(request: Request) -> tuple[str, dict[str, Any], bool]:
    """Operation and parameters, and whether they came by the query protocol."""
    target = request.headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2], json.loads(request.body or b"{}"), False
    operation, asked = protocol.parse(inprocess.service_model("cloudwatch"), request.body.decode())
    return operation, asked, True


def _refuse_silent_losses(operation: str, asked: Mapping[str, Any]) -> None:
    lost = [name for name in REFUSED.get(operation, ()) if asked.get(name)]
    if lost:
        raise CloudWatchError(f"{operation}: the embedded CloudWatch has no behaviour for {', '.join(lost)}")


async def _put_metric_alarm(asked: Mapping[str, Any], request: Request, proceed: ServiceHandler) -> Response:
    """Check the alarm as it will be evaluated, let ministack keep it, and add what it dropped."""
    MetricAlarm(asked)
    response = await proceed(request)
    if response.status < 300:
        record = seams.get("cloudwatch.alarms")[asked["AlarmName"]]
        record.update({name: asked[name] for name in KEPT if asked.get(name)})
        if asked.get("Metrics"):
            for name in OF_PLAIN_ALARMS:
                record.pop(name, None)
            record["Metrics"] = [{"ReturnData": True, **query} for query in asked["Metrics"]]
    return response


def _reply(operation: str, result: Mapping[str, Any], *, is_query: bool) -> Response:
    if is_query:
        return protocol.render(inprocess.service_model("cloudwatch").operation_model(operation), result)
    return json_reply(_with_epochs(result))


def _with_epochs(value: Any) -> Any:
    """Times as the JSON protocol has them: seconds since 1970."""
    if isinstance(value, Mapping):
        return {name: _with_epochs(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_epochs(item) for item in value]
    return value.timestamp() if isinstance(value, datetime) else value


def _error(message: str, *, is_query: bool) -> Response:
    if is_query:
        return protocol.render_error(inprocess.service_model("cloudwatch"), ApiError("ValidationError", message))
    return json_error("ValidationError", message)
