"""The template types AWS::ElasticLoadBalancingV2::*, as calls of the service's own API.

An update applies the whole new state; if a part of it fails the previous state is applied again, because
CloudFormation sends back only updates that succeeded.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ElasticLoadBalancingV2.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from local.engine import inprocess
from local.engine.load_balancer import attributes, protocol
from local.engine.load_balancer.target_groups import HEALTH_CHECK_DEFAULTS
from local.engine.registry import Properties, Provisioned, Registry, Resource

PREFIX = "AWS::ElasticLoadBalancingV2::"
LOAD_BALANCER = frozenset(
    {
        "IpAddressType",
        "LoadBalancerAttributes",
        "Name",
        "Scheme",
        "SecurityGroups",
        "SubnetMappings",
        "Subnets",
        "Tags",
        "Type",
    }
)
TARGET_GROUP = frozenset({"Name", "Tags", "TargetGroupAttributes", "TargetType", "Targets", *HEALTH_CHECK_DEFAULTS})
LISTENER = frozenset(
    {"Certificates", "DefaultActions", "ListenerAttributes", "LoadBalancerArn", "Port", "Protocol", "SslPolicy", "Tags"}
)
RULE = frozenset({"Actions", "Conditions", "ListenerArn", "Priority", "Tags"})
CERTIFICATE = frozenset({"Certificates", "ListenerArn"})
NAMED = frozenset({"Name", "Scheme", "TargetType", "Type"})


def register(registry: Registry) -> None:
    for name, create, apply, delete, properties, replacing in (
        ("LoadBalancer", _create_load_balancer, _apply_load_balancer, _delete_load_balancer, LOAD_BALANCER, NAMED),
        ("TargetGroup", _create_target_group, _apply_target_group, _delete_target_group, TARGET_GROUP, NAMED),
        ("Listener", _create_listener, _apply_listener, _delete_listener, LISTENER, {"LoadBalancerArn"}),
        ("ListenerRule", _create_rule, _apply_rule, _delete_rule, RULE, {"ListenerArn"}),
        (
            "ListenerCertificate",
            _create_certificates,
            _apply_certificates,
            _delete_certificates,
            CERTIFICATE,
            {"ListenerArn"},
        ),
    ):
        registry.resource_type(
            PREFIX + name,
            create=_creation(create, apply, delete),
            update=_change(create, apply, replacing),
            delete=delete,
            properties=properties,
        )


Create = Callable[[Resource], str]
Apply = Callable[[Resource, str, Properties, Properties], Provisioned]
Delete = Callable[[Resource], None]


def _creation(create: Create, apply: Apply, delete: Delete) -> Callable[[Resource], Provisioned]:
    def run(resource: Resource) -> Provisioned:
        arn = create(resource)
        try:
            return apply(resource, arn, resource.properties, {})
        except Exception:
            # CloudFormation never learns of a resource whose creation raised, so nobody else would remove it.
            delete(_with_id(resource, arn))
            raise

    return run


def _change(create: Create, apply: Apply, replacing: Collection[str]) -> Callable[[Resource], Provisioned]:
    def run(resource: Resource) -> Provisioned:
        new, old = resource.properties, resource.previous
        if any(new.get(name) != old.get(name) for name in replacing):
            return apply(resource, create(resource), new, {})
        try:
            return apply(resource, resource.physical_id, new, old)
        except Exception:
            apply(resource, resource.physical_id, old, new)
            raise

    return run


def _create_load_balancer(resource: Resource) -> str:
    given = _given(resource.properties, "CreateLoadBalancer") | {"Name": _name(resource)}
    return str(_client(resource).create_load_balancer(**given)["LoadBalancers"][0]["LoadBalancerArn"])


def _apply_load_balancer(resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned:
    client = _client(resource)
    if old:
        if _subnets(new) != _subnets(old):
            client.set_subnets(LoadBalancerArn=arn, Subnets=_subnets(new))
        if new.get("SecurityGroups") != old.get("SecurityGroups"):
            client.set_security_groups(LoadBalancerArn=arn, SecurityGroups=new.get("SecurityGroups", []))
        if new.get("IpAddressType") != old.get("IpAddressType"):
            client.set_ip_address_type(LoadBalancerArn=arn, IpAddressType=new.get("IpAddressType", "ipv4"))
        _sync_tags(client, arn, new, old)
    client.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=_wanted(attributes.LOAD_BALANCER, new.get("LoadBalancerAttributes"))
    )
    found = client.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    return Provisioned(
        physical_id=arn,
        attributes={
            "LoadBalancerArn": arn,
            "LoadBalancerName": found["LoadBalancerName"],
            "LoadBalancerFullName": arn.partition(":loadbalancer/")[2],
            "DNSName": found["DNSName"],
            "CanonicalHostedZoneID": found["CanonicalHostedZoneId"],
            "SecurityGroups": found.get("SecurityGroups", []),
        },
    )


def _delete_load_balancer(resource: Resource) -> None:
    _client(resource).delete_load_balancer(LoadBalancerArn=resource.physical_id)


def _create_target_group(resource: Resource) -> str:
    given = _given(resource.properties, "CreateTargetGroup") | {"Name": _name(resource)}
    return str(_client(resource).create_target_group(**given)["TargetGroups"][0]["TargetGroupArn"])


def _apply_target_group(resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned:
    client = _client(resource)
    client.modify_target_group_attributes(
        TargetGroupArn=arn, Attributes=_wanted(attributes.TARGET_GROUP, new.get("TargetGroupAttributes"))
    )
    if old:
        checks = {name: value for name, value in new.items() if name in HEALTH_CHECK_DEFAULTS}
        client.modify_target_group(TargetGroupArn=arn, **_coerced("ModifyTargetGroup", HEALTH_CHECK_DEFAULTS | checks))
        _sync_tags(client, arn, new, old)
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


def _delete_target_group(resource: Resource) -> None:
    _client(resource).delete_target_group(TargetGroupArn=resource.physical_id)


def _create_listener(resource: Resource) -> str:
    given = _given(resource.properties, "CreateListener")
    return str(_client(resource).create_listener(**given)["Listeners"][0]["ListenerArn"])


def _apply_listener(resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned:
    client = _client(resource)
    if old:
        client.modify_listener(ListenerArn=arn, **_given(new, "ModifyListener"))
        _sync_tags(client, arn, new, old)
    client.modify_listener_attributes(
        ListenerArn=arn, Attributes=_wanted(attributes.LISTENER, new.get("ListenerAttributes"))
    )
    return Provisioned(physical_id=arn, attributes={"ListenerArn": arn})


def _delete_listener(resource: Resource) -> None:
    _unless_gone(_client(resource).delete_listener, "ListenerNotFound", ListenerArn=resource.physical_id)


def _create_rule(resource: Resource) -> str:
    given = _given(resource.properties, "CreateRule")
    return str(_client(resource).create_rule(**given)["Rules"][0]["RuleArn"])


def _apply_rule(resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned:
    client = _client(resource)
    if old:
        given = _given(new, "ModifyRule") | {"RuleArn": arn}
        client.modify_rule(**given)
        if str(new["Priority"]) != str(old["Priority"]):
            client.set_rule_priorities(RulePriorities=[{"RuleArn": arn, "Priority": int(new["Priority"])}])
        _sync_tags(client, arn, new, old)
    return Provisioned(physical_id=arn, attributes={"RuleArn": arn, "IsDefault": False})


def _delete_rule(resource: Resource) -> None:
    _unless_gone(_client(resource).delete_rule, "RuleNotFound", RuleArn=resource.physical_id)


def _create_certificates(resource: Resource) -> str:
    arns = ",".join(item["CertificateArn"] for item in resource.properties["Certificates"])
    digest = hashlib.sha256(arns.encode()).hexdigest()[:16]
    return f"{resource.properties['ListenerArn']}|{digest}"


def _apply_certificates(resource: Resource, physical_id: str, new: Properties, old: Properties) -> Provisioned:
    client, listener = _client(resource), new["ListenerArn"]
    wanted = {item["CertificateArn"] for item in new["Certificates"]}
    before = {item["CertificateArn"] for item in old.get("Certificates", [])}
    if added := [{"CertificateArn": arn} for arn in sorted(wanted - before)]:
        client.add_listener_certificates(ListenerArn=listener, Certificates=added)
    if gone := [{"CertificateArn": arn} for arn in sorted(before - wanted)]:
        client.remove_listener_certificates(ListenerArn=listener, Certificates=gone)
    return Provisioned(physical_id=physical_id)


def _delete_certificates(resource: Resource) -> None:
    _unless_gone(
        _client(resource).remove_listener_certificates,
        "ListenerNotFound",
        ListenerArn=resource.properties["ListenerArn"],
        Certificates=[{"CertificateArn": item["CertificateArn"]} for item in resource.properties["Certificates"]],
    )


def _client(resource: Resource) -> Any:
    return resource.client("elbv2")


def _given(properties: Properties, operation: str) -> dict[str, Any]:
    """The properties that `operation` takes under the same name, in its types."""
    shape = inprocess.service_model("elbv2").operation_model(operation).input_shape
    names = shape.members if shape else {}
    return _coerced(operation, {name: value for name, value in properties.items() if name in names})


def _coerced(operation: str, values: Properties) -> dict[str, Any]:
    shape = inprocess.service_model("elbv2").operation_model(operation).input_shape
    result: dict[str, Any] = protocol.coerce(shape, values) if shape else {}
    return result


def _wanted(defaults: Properties, given: Collection[Properties] | None) -> list[dict[str, str]]:
    """The template's attributes over the defaults: one that is taken out of the template goes back."""
    values = {**defaults, **{item["Key"]: str(item["Value"]) for item in given or ()}}
    return [{"Key": key, "Value": value} for key, value in values.items()]


def _subnets(properties: Properties) -> list[str]:
    return [*properties.get("Subnets", []), *(item["SubnetId"] for item in properties.get("SubnetMappings", []))]


def _sync_tags(client: Any, arn: str, new: Properties, old: Properties) -> None:
    wanted = {tag["Key"]: str(tag["Value"]) for tag in new.get("Tags", [])}
    before = {tag["Key"]: str(tag["Value"]) for tag in old.get("Tags", [])}
    if gone := sorted(before.keys() - wanted.keys()):
        client.remove_tags(ResourceArns=[arn], TagKeys=gone)
    if wanted != before and wanted:
        client.add_tags(ResourceArns=[arn], Tags=[{"Key": key, "Value": value} for key, value in wanted.items()])


def _name(resource: Resource) -> str:
    """The template's name, or `<stack>-<logical id>-<suffix>` cut to the 32 characters that AWS allows."""
    if given := resource.properties.get("Name"):
        return str(given)
    seed = f"{resource.stack_name}/{resource.logical_id}/{sorted(map(str, resource.properties.items()))}"
    suffix = hashlib.sha256(seed.encode()).hexdigest()[:12]
    return f"{resource.stack_name[:9]}-{resource.logical_id[:9]}".strip("-") + f"-{suffix}"


def _with_id(resource: Resource, physical_id: str) -> Resource:
    return replace(resource, physical_id=physical_id)


def _unless_gone(call: Callable[..., Any], code: str, **parameters: Any) -> None:
    try:
        call(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
