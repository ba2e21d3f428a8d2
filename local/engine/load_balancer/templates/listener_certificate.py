"""AWS::ElasticLoadBalancingV2::ListenerCertificate."""

from __future__ import annotations

import hashlib

from local.engine.load_balancer.templates.calls import elbv2, unless_gone
from local.engine.registry import Properties, Provisioned, Resource

PROPERTIES = frozenset({"Certificates", "ListenerArn"})
REPLACING = frozenset({"ListenerArn"})


def create(resource: Resource) -> str:
    arns = ",".join(item["CertificateArn"] for item in resource.properties["Certificates"])
    digest = hashlib.sha256(arns.encode()).hexdigest()[:16]
    return f"{resource.properties['ListenerArn']}|{digest}"


def apply(resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned:
    client, listener = elbv2(resource), new["ListenerArn"]
    wanted = {item["CertificateArn"] for item in new["Certificates"]}
    before = {item["CertificateArn"] for item in old.get("Certificates", [])}
    if added := [{"CertificateArn": arn} for arn in sorted(wanted - before)]:
        client.add_listener_certificates(ListenerArn=listener, Certificates=added)
    if gone := [{"CertificateArn": arn} for arn in sorted(before - wanted)]:
        client.remove_listener_certificates(ListenerArn=listener, Certificates=gone)
    return Provisioned(physical_id=arn)


def delete(resource: Resource) -> None:
    unless_gone(
        elbv2(resource).remove_listener_certificates,
        "ListenerNotFound",
        ListenerArn=resource.properties["ListenerArn"],
        Certificates=[{"CertificateArn": item["CertificateArn"]} for item in resource.properties["Certificates"]],
    )
