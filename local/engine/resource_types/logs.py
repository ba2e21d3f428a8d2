"""CloudWatch Logs: metric filters, through the API so that their patterns are checked."""

from __future__ import annotations

from typing import Any

from local.engine.registry import Provisioned, Registry, Resource
from local.engine.resource_types.values import present


def register(registry: Registry) -> None:
    registry.resource_type(
        "AWS::Logs::MetricFilter",
        create=put_metric_filter,
        update=put_metric_filter,
        delete=lambda resource: delete_metric_filter(resource, resource.properties),
        properties={"FilterName", "FilterPattern", "LogGroupName", "MetricTransformations"},
    )


def put_metric_filter(resource: Resource) -> Provisioned:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-metricfilter.html"""
    properties = resource.properties
    name = str(properties.get("FilterName") or resource.physical_id or resource.named("FilterName"))
    resource.client("logs").put_metric_filter(
        logGroupName=properties["LogGroupName"],
        filterName=name,
        filterPattern=properties["FilterPattern"],
        metricTransformations=[_transformation(given) for given in properties["MetricTransformations"]],
    )
    moved = resource.previous and resource.previous["LogGroupName"] != properties["LogGroupName"]
    if moved and name == resource.physical_id:
        delete_metric_filter(resource, resource.previous)
    return Provisioned(physical_id=name)


def delete_metric_filter(resource: Resource, properties: Any) -> None:
    resource.client("logs").delete_metric_filter(
        logGroupName=properties["LogGroupName"], filterName=resource.physical_id
    )


def _transformation(given: Any) -> dict[str, Any]:
    """CloudFormation's transformation as the API has it: other names, and dimensions as a mapping."""
    found: dict[str, Any] = {name[0].lower() + name[1:]: given[name] for name in present(given, "MetricName", "Unit")}
    found |= {"metricNamespace": given["MetricNamespace"], "metricValue": str(given["MetricValue"])}
    if given.get("DefaultValue") is not None:
        found["defaultValue"] = float(given["DefaultValue"])
    if given.get("Dimensions"):
        found["dimensions"] = {dimension["Key"]: dimension["Value"] for dimension in given["Dimensions"]}
    return found
