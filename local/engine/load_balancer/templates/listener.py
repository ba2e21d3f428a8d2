"""AWS::ElasticLoadBalancingV2::Listener."""

from __future__ import annotations

from local.engine.load_balancer import attributes
from local.engine.load_balancer.templates.calls import elbv2, parameters_of, sync_tags, unless_gone, whole_attributes
from local.engine.registry import Properties, Provisioned, Resource

PROPERTIES = frozenset(
    {"Certificates", "DefaultActions", "ListenerAttributes", "LoadBalancerArn", "Port", "Protocol", "SslPolicy", "Tags"}
)
REPLACING = frozenset({"LoadBalancerArn"})


def create(resource: Resource) -> str:
    given = parameters_of(resource.properties, "CreateListener")
    return str(elbv2(resource).create_listener(**given)["Listeners"][0]["ListenerArn"])


def apply(resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned:
    client = elbv2(resource)
    if old:
        client.modify_listener(ListenerArn=arn, **parameters_of(new, "ModifyListener"))
        sync_tags(client, arn, new, old)
    client.modify_listener_attributes(
        ListenerArn=arn, Attributes=whole_attributes(attributes.LISTENER, new.get("ListenerAttributes"))
    )
    return Provisioned(physical_id=arn, attributes={"ListenerArn": arn})


def delete(resource: Resource) -> None:
    unless_gone(elbv2(resource).delete_listener, "ListenerNotFound", ListenerArn=resource.physical_id)
