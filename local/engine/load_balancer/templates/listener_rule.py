"""AWS::ElasticLoadBalancingV2::ListenerRule."""

from __future__ import annotations

from local.engine.load_balancer.templates.calls import elbv2, parameters_of, sync_tags, unless_gone
from local.engine.registry import Properties, Provisioned, Resource

PROPERTIES = frozenset({"Actions", "Conditions", "ListenerArn", "Priority", "Tags"})
REPLACING = frozenset({"ListenerArn"})


def create(resource: Resource) -> str:
    given = parameters_of(resource.properties, "CreateRule")
    return str(elbv2(resource).create_rule(**given)["Rules"][0]["RuleArn"])


def apply(resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned:
    client = elbv2(resource)
    if old:
        given = parameters_of(new, "ModifyRule") | {"RuleArn": arn}
        client.modify_rule(**given)
        if str(new["Priority"]) != str(old["Priority"]):
            client.set_rule_priorities(RulePriorities=[{"RuleArn": arn, "Priority": int(new["Priority"])}])
        sync_tags(client, arn, new, old)
    return Provisioned(physical_id=arn, attributes={"RuleArn": arn, "IsDefault": False})


def delete(resource: Resource) -> None:
    unless_gone(elbv2(resource).delete_rule, "RuleNotFound", RuleArn=resource.physical_id)
