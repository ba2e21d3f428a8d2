"""Traffic by the weights of listener rules."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from release.errors import ReleaseError
from release.model import RoutedRule
from release.names import ROUTED, Colour, load_balancer, target_group

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_elbv2.type_defs import ActionOutputTypeDef, ActionTypeDef, RuleTypeDef


class ListenerRules:
    """The rules of the environment's load balancer whose forward action names both colours of a function."""

    def __init__(self, client: "ElasticLoadBalancingv2Client", suffix: str) -> None:
        self._client = client
        self._suffix = suffix
        self._sides = {
            target_group(suffix, function, colour): (function, colour) for function in ROUTED for colour in Colour
        }
        self._balancer_arn: str | None = None

    def rules(self) -> tuple[RoutedRule, ...]:
        found = [(self._order(rule), routed) for rule in self._all() if (routed := self._routed(rule))]
        return tuple(routed for _, routed in sorted(found, key=lambda pair: (ROUTED.index(pair[1].function), pair[0])))

    def set_weights(self, rule_arn: str, weights: Mapping[Colour, int], *, keep: Callable[[], None]) -> None:
        rule = self._client.describe_rules(RuleArns=[rule_arn])["Rules"][0]
        actions = [self._reweighted(action, weights) for action in rule["Actions"]]
        keep()
        self._client.modify_rule(RuleArn=rule_arn, Actions=actions)

    def _all(self) -> Iterator["RuleTypeDef"]:
        balancer = self._balancer()
        if balancer is None:
            return
        for listeners in self._client.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer):
            for listener in listeners["Listeners"]:
                pages = self._client.get_paginator("describe_rules").paginate(ListenerArn=listener["ListenerArn"])
                for page in pages:
                    yield from page["Rules"]

    def _balancer(self) -> str | None:
        if self._balancer_arn is None:
            try:
                answer = self._client.describe_load_balancers(Names=[load_balancer(self._suffix)])
            except self._client.exceptions.LoadBalancerNotFoundException:
                return None
            self._balancer_arn = answer["LoadBalancers"][0]["LoadBalancerArn"]
        return self._balancer_arn

    @staticmethod
    def _order(rule: "RuleTypeDef") -> int:
        return int(rule["Priority"]) if rule["Priority"].isdigit() else 1_000_000

    def _routed(self, rule: "RuleTypeDef") -> RoutedRule | None:
        """The rule as the controller sees it; None for rules that do not divide one function's traffic."""
        for action in rule["Actions"]:
            groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
            if len(groups) < 2:
                continue
            sides = [self._sides.get(_name(group["TargetGroupArn"])) for group in groups]
            named = [side for side in sides if side is not None]
            if not named:
                continue
            functions = {function for function, _ in named}
            if len(named) != len(Colour) or len(groups) != len(Colour) or len(functions) != 1:
                raise ReleaseError(
                    f"rule {rule['RuleArn']} divides traffic among other than one function's two colours"
                )
            return RoutedRule(
                arn=rule["RuleArn"],
                function=functions.pop(),
                weights={colour: group["Weight"] for group, (_, colour) in zip(groups, named, strict=True)},
            )
        return None

    def _reweighted(self, action: "ActionOutputTypeDef", weights: Mapping[Colour, int]) -> "ActionTypeDef":
        """The same action with other weights: everything else about it is the template's."""
        if "ForwardConfig" not in action:
            return action  # type: ignore[return-value]  # the service takes what it gives
        config = action["ForwardConfig"]
        groups = [
            {**group, "Weight": weights[self._sides[_name(group["TargetGroupArn"])][1]]}
            for group in config["TargetGroups"]
        ]
        kept = {key: value for key, value in action.items() if key not in ("ForwardConfig", "TargetGroupArn")}
        return {**kept, "ForwardConfig": {**config, "TargetGroups": groups}}  # type: ignore[typeddict-item]


def _name(target_group_arn: str) -> str:
    """`arn:…:targetgroup/<name>/<id>` → name."""
    return target_group_arn.split(":targetgroup/")[-1].split("/")[0]
