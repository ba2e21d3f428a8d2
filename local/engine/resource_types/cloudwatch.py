"""CloudWatch: metric alarms, whose metric math ministack's template type refuses, and composite alarms."""

from __future__ import annotations

from typing import Any

from local.engine import seams
from local.engine.registry import Provisioned, Registry, Resource
from local.engine.resource_types.values import boolean, integers, present, tags

LISTS = ("AlarmActions", "InsufficientDataActions", "OKActions")
NUMBERS = ("DatapointsToAlarm", "EvaluationPeriods", "Period")
TEXTS = (
    "AlarmDescription",
    "ComparisonOperator",
    "EvaluateLowSampleCountPercentile",
    "ExtendedStatistic",
    "MetricName",
    "Namespace",
    "Statistic",
    "TreatMissingData",
    "Unit",
)


def register(registry: Registry) -> None:
    registry.resource_type(
        "AWS::CloudWatch::Alarm",
        create=put_metric_alarm,
        update=put_metric_alarm,
        delete=delete_alarm,
        properties={
            "ActionsEnabled",
            "AlarmName",
            "Dimensions",
            "Metrics",
            "Tags",
            "Threshold",
            *LISTS,
            *NUMBERS,
            *TEXTS,
        },
    )
    registry.resource_type(
        "AWS::CloudWatch::CompositeAlarm",
        create=put_composite_alarm,
        update=put_composite_alarm,
        delete=delete_alarm,
        properties={"ActionsEnabled", "AlarmDescription", "AlarmName", "AlarmRule", "Tags", *LISTS},
    )


def put_metric_alarm(resource: Resource) -> Provisioned:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html"""
    properties = resource.properties
    watched: dict[str, Any] = present(properties, *TEXTS, *LISTS, "Dimensions")
    if properties.get("Metrics"):
        watched["Metrics"] = [_query(query) for query in properties["Metrics"]]
    if properties.get("Threshold") is not None:
        watched["Threshold"] = float(properties["Threshold"])
    return _put(resource, "put_metric_alarm", {**watched, **integers(properties, NUMBERS)})


def put_composite_alarm(resource: Resource) -> Provisioned:
    properties = resource.properties
    return _put(resource, "put_composite_alarm", present(properties, *LISTS, "AlarmDescription", "AlarmRule"))


def delete_alarm(resource: Resource) -> None:
    resource.client("cloudwatch").delete_alarms(AlarmNames=[resource.physical_id])


def _put(resource: Resource, method: str, arguments: dict[str, Any]) -> Provisioned:
    """Put the alarm under its name; another name makes another alarm, and CloudFormation deletes the first."""
    given = resource.properties.get("AlarmName")
    name = str(given or resource.physical_id or resource.named("AlarmName"))
    getattr(resource.client("cloudwatch"), method)(
        AlarmName=name, ActionsEnabled=boolean(resource.properties.get("ActionsEnabled", True)), **arguments
    )
    # Those of the template and CloudFormation's own, whose names begin with aws: and which no caller may set.
    seams.get("cloudwatch.set_alarm_tags")(name, tags(resource.properties))
    return Provisioned(physical_id=name, attributes={"Arn": resource.arn("cloudwatch", f"alarm:{name}")})


def _query(query: dict[str, Any]) -> dict[str, Any]:
    """A metric data query with numbers and booleans as the API has them."""
    typed = dict(query)
    if "ReturnData" in query:
        typed["ReturnData"] = boolean(query["ReturnData"])
    if query.get("Period") is not None:
        typed["Period"] = int(query["Period"])
    if query.get("MetricStat"):
        typed["MetricStat"] = {**query["MetricStat"], "Period": int(query["MetricStat"]["Period"])}
    return typed
