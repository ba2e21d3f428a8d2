"""What an alarm does when its state changes: it publishes to SNS topics, if their policies let CloudWatch.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.loaders import Loader

from local.engine import context, seams
from local.engine.cloudwatch.errors import UnsupportedError
from local.engine.registry import Engine, Registry

SERVICE = "cloudwatch.amazonaws.com"
ACTIONS: Mapping[str, str] = {
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
    "OK": "OKActions",
}
LONGEST_SUBJECT = 100


def register(registry: Registry) -> None:
    registry.before_start(install)


def install(_: Engine) -> None:
    seams.replace("cloudwatch.dispatch", dispatch)


def check(alarm: Mapping[str, Any]) -> None:
    """Raise `UnsupportedError` for actions other than topics of the alarm's own account and region."""
    ours = f"arn:aws:sns:{context.region()}:{context.account()}:"
    for action in (action for kind in ACTIONS.values() for action in alarm.get(kind) or ()):
        if not action.startswith(ours):
            raise UnsupportedError(f"the embedded CloudWatch has no behaviour for the action {action}")


def dispatch(alarm: dict[str, Any], old_state: str, new_state: str, reason: str) -> None:
    """Take the actions for the new state, and note in the alarm's history how each went."""
    if not alarm.get("ActionsEnabled", True):
        return
    message = json.dumps(notification(alarm, old_state, new_state, reason))
    subject = f'{new_state}: "{alarm["AlarmName"]}" in {region_name(context.region())}'[:LONGEST_SUBJECT]
    for topic in alarm.get(ACTIONS[new_state]) or ():
        allowed = seams.get("sns.allows")(topic, SERVICE, alarm["AlarmArn"], context.account())
        if allowed:
            seams.get("sns.fanout")(topic, str(uuid.uuid4()), message, subject)
        _note(alarm, topic, succeeded=allowed)


def notification(alarm: Mapping[str, Any], old_state: str, new_state: str, reason: str) -> dict[str, Any]:
    """The message as CloudWatch writes it, of metric, expression and composite alarms."""
    common = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": context.account(),
        "NewStateValue": new_state,
        "NewStateReason": reason,
        "StateChangeTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
        "Region": region_name(context.region()),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": old_state,
        **{kind: list(alarm.get(kind) or ()) for kind in ACTIONS.values()},
    }
    if "AlarmRule" in alarm:
        return common | {"AlarmRule": alarm["AlarmRule"]}
    return common | {"Trigger": _trigger(alarm)}


@functools.cache
def region_name(region: str) -> str:
    """A region as people read it: US East (N. Virginia)."""
    partitions = Loader().load_data("endpoints")["partitions"]
    return next((p["regions"][region]["description"] for p in partitions if region in p["regions"]), region)


def _trigger(alarm: Mapping[str, Any]) -> dict[str, Any]:
    rule = {
        "EvaluationPeriods": alarm["EvaluationPeriods"],
        **({"DatapointsToAlarm": alarm["DatapointsToAlarm"]} if "DatapointsToAlarm" in alarm else {}),
        "ComparisonOperator": alarm["ComparisonOperator"],
        "Threshold": alarm["Threshold"],
        "TreatMissingData": alarm.get("TreatMissingData", ""),
        "EvaluateLowSampleCountPercentile": alarm.get("EvaluateLowSampleCountPercentile", ""),
    }
    if alarm.get("Metrics"):
        return {"Metrics": [_query(query) for query in alarm["Metrics"]], **rule}
    kind = "ExtendedStatistic" if alarm.get("ExtendedStatistic") else "Statistic"
    value = alarm[kind] if kind == "ExtendedStatistic" else str(alarm.get(kind)).upper()
    return {
        "MetricName": alarm["MetricName"],
        "Namespace": alarm["Namespace"],
        "StatisticType": kind,
        kind: value,
        "Unit": alarm.get("Unit"),
        "Dimensions": _dimensions(alarm.get("Dimensions") or ()),
        "Period": alarm["Period"],
        **rule,
    }


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    if "MetricStat" not in query:
        return dict(query)
    metric = query["MetricStat"]["Metric"]
    named = {**metric, "Dimensions": _dimensions(metric.get("Dimensions") or ())}
    return {**query, "MetricStat": {**query["MetricStat"], "Metric": named}}


def _dimensions(dimensions: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Lower case, as nowhere else."""
    return [{"value": dimension["Value"], "name": dimension["Name"]} for dimension in dimensions]


def _note(alarm: Mapping[str, Any], topic: str, *, succeeded: bool) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html"""
    did = "Successfully executed" if succeeded else "Failed to execute"
    seams.get("cloudwatch.history")().append(
        {
            "AlarmName": alarm["AlarmName"],
            "AlarmType": "CompositeAlarm" if "AlarmRule" in alarm else "MetricAlarm",
            "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "HistoryItemType": "Action",
            "HistorySummary": f"{did} action {topic}",
            "HistoryData": json.dumps({"actionState": "Succeeded" if succeeded else "Failed"}),
        }
    )
