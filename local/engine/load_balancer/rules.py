"""Operations on listener rules.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html
"""

from __future__ import annotations

from collections.abc import Sequence

from local.engine.load_balancer import actions, conditions, tags
from local.engine.load_balancer.errors import ApiError, unsupported, validation
from local.engine.load_balancer.model import Listener, Rule, Shape, State, identifier
from local.engine.load_balancer.paging import page

MAX_PRIORITY = 50_000
MAX_RULES = 100


async def create(state: State, parameters: Shape) -> Shape:
    listener = state.listener(parameters["ListenerArn"])
    if parameters.get("Transforms"):
        raise unsupported("transforms")
    priority = _priority(parameters["Priority"])
    siblings = state.rules_of(listener.arn)
    if any(rule.priority == priority for rule in siblings):
        raise ApiError("PriorityInUse", f"Priority '{priority}' is currently in use")
    if len(siblings) > MAX_RULES:
        raise ApiError("TooManyRules", f"A load balancer can have at most '{MAX_RULES}' rules")
    rule = made(
        state,
        listener_arn=listener.arn,
        load_balancer_arn=listener.load_balancer_arn,
        priority=priority,
        rule_conditions=conditions.normalised(parameters["Conditions"]),
        rule_actions=parameters["Actions"],
    )
    rule.tags = tags.parsed(parameters.get("Tags", []))
    state.rules[rule.arn] = rule
    state.reorder(listener.arn)
    return {"Rules": [described(rule)]}


async def describe(state: State, parameters: Shape) -> Shape:
    listener_arn, arns = parameters.get("ListenerArn"), parameters.get("RuleArns")
    if (listener_arn is None) == (arns is None):
        raise validation("Either a listener ARN or rule ARNs must be specified")
    if arns is not None:
        return page("Rules", [described(state.rule(arn)) for arn in arns], parameters)
    rules = state.rules_of(state.listener(str(listener_arn)).arn)
    return page("Rules", [described(rule) for rule in rules], parameters)


async def modify(state: State, parameters: Shape) -> Shape:
    """Replace the conditions, the actions, or both; what is not given stays."""
    rule = state.rule(parameters["RuleArn"])
    if parameters.get("Transforms") or parameters.get("ResetTransforms"):
        raise unsupported("transforms")
    if rule.priority is None:
        raise ApiError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be modified")
    new_conditions = conditions.normalised(parameters["Conditions"]) if "Conditions" in parameters else rule.conditions
    if "Actions" in parameters:
        owner = state.listener(rule.listener_arn).load_balancer_arn
        rule.actions = actions.normalised(parameters["Actions"], state, load_balancer_arn=owner)
    rule.conditions, rule.matches = new_conditions, conditions.matcher(new_conditions)
    return {"Rules": [described(rule)]}


async def delete(state: State, parameters: Shape) -> Shape:
    rule = state.rule(parameters["RuleArn"])
    if rule.priority is None:
        raise ApiError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be deleted")
    del state.rules[rule.arn]
    state.reorder(rule.listener_arn)
    return {}


async def set_priorities(state: State, parameters: Shape) -> Shape:
    """Give several rules of one listener new priorities at once; they may swap."""
    wanted = {state.rule(item["RuleArn"]).arn: _priority(item["Priority"]) for item in parameters["RulePriorities"]}
    changed = [state.rules[arn] for arn in wanted]
    if any(rule.priority is None for rule in changed):
        raise ApiError("OperationNotPermitted", "The priority of a default rule cannot be changed")
    for listener_arn in {rule.listener_arn for rule in changed}:
        final = [wanted.get(rule.arn, rule.priority) for rule in state.rules_of(listener_arn)]
        if taken := sorted({p for p in final if p is not None and final.count(p) > 1}):
            raise ApiError("PriorityInUse", f"Priority '{taken[0]}' is currently in use")
    for rule in changed:
        rule.priority = wanted[rule.arn]
    for listener_arn in {rule.listener_arn for rule in changed}:
        state.reorder(listener_arn)
    return {"Rules": [described(rule) for rule in changed]}


def made(
    state: State,
    *,
    listener_arn: str,
    load_balancer_arn: str,
    priority: int | None,
    rule_conditions: Sequence[Shape],
    rule_actions: Sequence[Shape],
) -> Rule:
    """A rule that is valid but not stored yet. Raises `ApiError` for bad actions."""
    prefix = listener_arn.replace(":listener/", ":listener-rule/")
    return Rule(
        arn=f"{prefix}/{identifier()}",
        listener_arn=listener_arn,
        priority=priority,
        conditions=list(rule_conditions),
        actions=actions.normalised(rule_actions, state, load_balancer_arn=load_balancer_arn),
        matches=conditions.matcher(rule_conditions),
    )


def drop_all(state: State, listener: Listener) -> None:
    for rule in state.rules_of(listener.arn):
        del state.rules[rule.arn]


def described(rule: Rule) -> Shape:
    return {
        "RuleArn": rule.arn,
        "Priority": "default" if rule.priority is None else str(rule.priority),
        "Conditions": rule.conditions,
        "Actions": rule.actions,
        "IsDefault": rule.priority is None,
    }


def _priority(value: int) -> int:
    if not 1 <= value <= MAX_PRIORITY:
        raise validation(f"Priority '{value}' must be between '1' and '{MAX_PRIORITY}'")
    return value
