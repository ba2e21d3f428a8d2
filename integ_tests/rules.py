"""The load balancer's rules, as far as tests of colours need them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from release.names import ROUTED, Colour, target_group

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import RuleTypeDef


@dataclass(frozen=True, kw_only=True)
class WeightedRule:
    function: str
    weights: Mapping[Colour, int]


def weighted_rules(rules: Sequence["RuleTypeDef"], suffix: str) -> list[WeightedRule]:
    """The rules that forward to more than one target group. An unknown group is a `KeyError`."""
    sides = {target_group(suffix, name, colour): (name, colour) for name in ROUTED for colour in Colour}
    found = []
    for rule in rules:
        for action in rule["Actions"]:
            groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
            if len(groups) < 2:
                continue
            named = [(*sides[group_name(group["TargetGroupArn"])], group["Weight"]) for group in groups]
            functions = {name for name, _, _ in named}
            assert len(functions) == 1, f"one rule for {functions}"
            found.append(
                WeightedRule(function=functions.pop(), weights={colour: weight for _, colour, weight in named})
            )
    return found


def live_colour(rules: Sequence[WeightedRule]) -> Colour:
    """The colour that has all traffic. Raises `AssertionError` while traffic is divided."""
    live = {colour for rule in rules for colour, weight in rule.weights.items() if weight}
    assert len(live) == 1, f"traffic is divided: {rules}"
    return live.pop()


def group_name(target_group_arn: str) -> str:
    return target_group_arn.split(":targetgroup/")[1].split("/")[0]
