"""AWS::ElasticLoadBalancingV2::TargetGroup."""

from __future__ import annotations

from local.engine.load_balancer import attributes
from local.engine.load_balancer.target_groups import HEALTH_CHECK_DEFAULTS
from local.engine.load_balancer.templates.calls import (
    coerced,
    elbv2,
    parameters_of,
    physical_name,
    sync_tags,
    whole_attributes,
)
from local.engine.registry import Properties, Provisioned, Resource

PROPERTIES = frozenset({"Name", "Tags", "TargetGroupAttributes", "TargetType", "Targets", *HEALTH_CHECK_DEFAULTS})
REPLACING = frozenset({"Name", "TargetType"})


def create(resource: Resource) -> str:
    given = parameters_of(resource.properties, "CreateTargetGroup") | {"Name": physical_name(resource)}
    return str(elbv2(resource).create_target_group(**given)["TargetGroups"][0]["TargetGroupArn"])


def apply(resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned:
    client = elbv2(resource)
    client.modify_target_group_attributes(
        TargetGroupArn=arn, Attributes=whole_attributes(attributes.TARGET_GROUP, new.get("TargetGroupAttributes"))
    )
    if old:
        checks = {name: value for name, value in new.items() if name in HEALTH_CHECK_DEFAULTS}
        client.modify_target_group(TargetGroupArn=arn, **coerced("ModifyTargetGroup", HEALTH_CHECK_DEFAULTS | checks))
        sync_tags(client, arn, new, old)
    wanted = {target["Id"] for target in new.get("Targets", [])}
    present = {
        item["Target"]["Id"] for item in client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
    }
    if gone := [{"Id": target} for target in sorted(present - wanted)]:
        client.deregister_targets(TargetGroupArn=arn, Targets=gone)
    if added := [{"Id": target} for target in sorted(wanted - present)]:
        client.register_targets(TargetGroupArn=arn, Targets=added)
    found = client.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    return Provisioned(
        physical_id=arn,
        attributes={
            "TargetGroupArn": arn,
            "TargetGroupName": found["TargetGroupName"],
            "TargetGroupFullName": arn.rpartition(":")[2],
            "LoadBalancerArns": found.get("LoadBalancerArns", []),
        },
    )


def delete(resource: Resource) -> None:
    elbv2(resource).delete_target_group(TargetGroupArn=resource.physical_id)
