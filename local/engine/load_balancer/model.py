"""What a load balancer consists of, and where it is kept: one `State` for each account and region."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from local.engine import context
from local.engine.load_balancer.errors import ApiError

Shape = dict[str, Any]
T = TypeVar("T")


@dataclass(kw_only=True)
class LoadBalancer:
    arn: str
    name: str
    dns_name: str
    scheme: str
    ip_address_type: str
    vpc_id: str
    zones: list[Shape]
    security_groups: list[str]
    attributes: dict[str, str]
    tags: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def full_name(self) -> str:
        """`app/<name>/<id>`: the value of CloudWatch's LoadBalancer dimension."""
        return self.arn.partition(":loadbalancer/")[2]


@dataclass(kw_only=True)
class Target:
    """One registered Lambda function (`id` is the ARN as registered). `state` is AWS's TargetHealth."""

    id: str
    state: Shape = field(default_factory=dict)


@dataclass(kw_only=True)
class TargetGroup:
    arn: str
    name: str
    health_check: Shape
    attributes: dict[str, str]
    targets: dict[str, Target] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """`targetgroup/<name>/<id>`: the value of CloudWatch's TargetGroup dimension."""
        return self.arn.rpartition(":")[2]


@dataclass(kw_only=True)
class Rule:
    """`priority` None is the listener's default rule, which has no conditions."""

    arn: str
    listener_arn: str
    priority: int | None
    conditions: list[Shape]
    actions: list[Shape]
    matches: Callable[[Any], bool]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Listener:
    arn: str
    load_balancer_arn: str
    protocol: str
    port: int
    ssl_policy: str
    certificates: list[str]
    attributes: dict[str, str]
    default_rule: Rule
    tags: dict[str, str] = field(default_factory=dict)
    ordered: Sequence[Rule] = ()


@dataclass
class State:
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    target_groups: dict[str, TargetGroup] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)

    def load_balancer(self, arn: str) -> LoadBalancer:
        return _found(self.load_balancers, arn, "LoadBalancerNotFound", f"Load balancer '{arn}' not found")

    def target_group(self, arn: str) -> TargetGroup:
        return _found(self.target_groups, arn, "TargetGroupNotFound", f"Target groups '{arn}' not found")

    def listener(self, arn: str) -> Listener:
        return _found(self.listeners, arn, "ListenerNotFound", f"Listener '{arn}' not found")

    def rule(self, arn: str) -> Rule:
        return _found(self.rules, arn, "RuleNotFound", f"Rule '{arn}' not found")

    def listeners_of(self, load_balancer_arn: str) -> list[Listener]:
        return [item for item in self.listeners.values() if item.load_balancer_arn == load_balancer_arn]

    def rules_of(self, listener_arn: str) -> list[Rule]:
        """All rules of a listener in the order in which they are tried, the default rule last."""
        mine = [rule for rule in self.rules.values() if rule.listener_arn == listener_arn]
        return sorted(mine, key=lambda rule: (rule.priority is None, rule.priority or 0))

    def reorder(self, listener_arn: str) -> None:
        """Make the data plane see the rules as they are now."""
        self.listeners[listener_arn].ordered = tuple(self.rules_of(listener_arn))

    def load_balancers_using(self, target_group_arn: str) -> list[str]:
        """ARNs of the load balancers with an action that forwards to the target group."""
        using = [rule for rule in list(self.rules.values()) if target_group_arn in target_groups_of(rule.actions)]
        owners = [self.listeners[rule.listener_arn] for rule in using if rule.listener_arn in self.listeners]
        return sorted({listener.load_balancer_arn for listener in owners})


def target_groups_of(actions: Sequence[Shape]) -> list[str]:
    """The target groups that `actions` forward to (weights of 0 included)."""
    return [
        group["TargetGroupArn"]
        for action in actions
        for group in action.get("ForwardConfig", {}).get("TargetGroups", [])
    ]


class Store:
    """The states of all accounts and regions."""

    def __init__(self) -> None:
        self._states = context.store()

    def here(self) -> State:
        """The state of the account and region that the engine is acting for."""
        state: State = self._states.setdefault("state", State())
        return state

    def of(self, arn: str) -> State | None:
        """The state that owns `arn`, whoever is asking; None if its account has none."""
        parts = arn.split(":")
        state: State | None = self._states.get_scoped(parts[4], parts[3], "state") if len(parts) > 5 else None
        return state

    def everywhere(self) -> Iterator[State]:
        for _, state in self._states.all_items():
            yield state


def identifier() -> str:
    """The 16 hexadecimal digits that end the ARNs of Elastic Load Balancing."""
    return secrets.token_hex(8)


def arn(resource: str) -> str:
    return f"arn:aws:elasticloadbalancing:{context.region()}:{context.account()}:{resource}"


def _found(items: dict[str, T], key: str, code: str, message: str) -> T:
    if key not in items:
        raise ApiError(code, message)
    return items[key]
