"""The template types AWS::ElasticLoadBalancingV2::*, as calls of the service's own API.

An update applies the whole new state; if a part of it fails the previous state is applied again, because
CloudFormation sends back only updates that succeeded.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ElasticLoadBalancingV2.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from local.engine.load_balancer.templates import (
    listener,
    listener_certificate,
    listener_rule,
    load_balancer,
    target_group,
)
from local.engine.registry import Properties, Provisioned, Registry, Resource

PREFIX = "AWS::ElasticLoadBalancingV2::"


class TemplateType(Protocol):
    """A module of this package. `apply` brings a resource that exists from `old` to `new` ({} just created)."""

    PROPERTIES: frozenset[str]
    REPLACING: frozenset[str]

    def create(self, resource: Resource) -> str: ...

    def apply(self, resource: Resource, arn: str, new: Properties, old: Properties) -> Provisioned: ...

    def delete(self, resource: Resource) -> None: ...


TYPES: dict[str, TemplateType] = {
    "LoadBalancer": load_balancer,
    "TargetGroup": target_group,
    "Listener": listener,
    "ListenerRule": listener_rule,
    "ListenerCertificate": listener_certificate,
}


def register(registry: Registry) -> None:
    for name, kind in TYPES.items():
        registry.resource_type(
            PREFIX + name,
            create=_creation(kind),
            update=_change(kind),
            delete=kind.delete,
            properties=kind.PROPERTIES,
        )


def _creation(kind: TemplateType) -> Callable[[Resource], Provisioned]:
    def run(resource: Resource) -> Provisioned:
        arn = kind.create(resource)
        try:
            return kind.apply(resource, arn, resource.properties, {})
        except Exception:
            # CloudFormation never learns of a resource whose creation raised, so nobody else would remove it.
            kind.delete(replace(resource, physical_id=arn))
            raise

    return run


def _change(kind: TemplateType) -> Callable[[Resource], Provisioned]:
    create = _creation(kind)

    def run(resource: Resource) -> Provisioned:
        new, old = resource.properties, resource.previous
        if any(new.get(name) != old.get(name) for name in kind.REPLACING):
            return create(resource)
        try:
            return kind.apply(resource, resource.physical_id, new, old)
        except Exception:
            kind.apply(resource, resource.physical_id, old, new)
            raise

    return run
