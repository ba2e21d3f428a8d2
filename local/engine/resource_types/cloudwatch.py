"""CloudWatch: composite alarms. Metric alarms are ministack's own; `local.engine.cloudwatch` evaluates them."""

from __future__ import annotations

from local.engine.registry import Provisioned, Registry, Resource
from local.engine.resource_types.values import boolean, present, tags


def register(registry: Registry) -> None:
    registry.resource_type(
        "AWS::CloudWatch::CompositeAlarm",
        create=put_composite_alarm,
        update=put_composite_alarm,
        delete=lambda resource: resource.client("cloudwatch").delete_alarms(AlarmNames=[resource.physical_id]),
        properties={
            "ActionsEnabled",
            "AlarmActions",
            "AlarmDescription",
            "AlarmName",
            "AlarmRule",
            "InsufficientDataActions",
            "OKActions",
            "Tags",
        },
    )


def put_composite_alarm(resource: Resource) -> Provisioned:
    name = resource.physical_id or resource.named("AlarmName")
    lists = present(resource.properties, "AlarmActions", "OKActions", "InsufficientDataActions", "AlarmDescription")
    resource.client("cloudwatch").put_composite_alarm(
        AlarmName=name,
        AlarmRule=resource.properties["AlarmRule"],
        ActionsEnabled=boolean(resource.properties.get("ActionsEnabled", True)),
        **lists,
        **({"Tags": tags(resource.properties)} if resource.properties.get("Tags") and not resource.physical_id else {}),
    )
    return Provisioned(physical_id=name, attributes={"Arn": resource.arn("cloudwatch", f"alarm:{name}")})
