"""Variables in policies that describe the caller: `${aws:PrincipalTag/EnvironmentSuffix}` and the like.

ministack compares them as text. One that has no value matches nothing; those that describe the request stay as they
are and match nothing either. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from local.engine import seams
from local.engine.registry import Engine, Registry

_VARIABLE = re.compile(r"\$\{\s*([\w:/.@-]+?)\s*(?:,\s*'([^']*)')?\s*\}")
_PATTERNS = ("resources", "not_resources")


def register(registry: Registry) -> None:
    registry.before_start(resolve)


def resolve(_: Engine) -> None:
    seams.wrap("iam.principal", _with_values)


def _with_values(original: Callable[..., Any]) -> Callable[..., Any]:
    def resolve_principal(*arguments: Any, **named: Any) -> Any:
        found: Any = original(*arguments, **named)
        if not hasattr(found, "limits"):  # an error instead
            return found
        values = {
            **{name.lower(): str(value) for name, value in found.keys.items()},
            "aws:principalaccount": str(found.account),
            "aws:principalarn": str(found.arn),
        }
        policies = None if found.policies is None else _layer(found.policies, values)
        return replace(found, policies=policies, limits=[_layer(limit, values) for limit in found.limits])

    return resolve_principal


def _layer(policies: list[list[Any]], values: Mapping[str, str]) -> list[list[Any]]:
    return [[_statement(statement, values) for statement in statements] for statements in policies]


def _statement(statement: Any, values: Mapping[str, str]) -> Any:
    changed: dict[str, Any] = {
        name: [with_values(pattern, values) for pattern in getattr(statement, name)]
        for name in _PATTERNS
        if any("${" in pattern for pattern in getattr(statement, name))
    }
    if "${" in str(statement.conditions):
        changed["conditions"] = {
            operator: {key: _expected(value, values) for key, value in block.items()}
            for operator, block in statement.conditions.items()
        }
    return replace(statement, **changed) if changed else statement


def _expected(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_expected(item, values) for item in value]
    return with_values(value, values) if isinstance(value, str) else value


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text with the value of each variable that has one, else with its default; others stay, and match nothing."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1].lower(), found[0] if found[2] is None else found[2])

    return _VARIABLE.sub(value, text)
