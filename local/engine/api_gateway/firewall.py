"""What a stage's web ACL decides by its own rules: regular expressions on path, query and single headers.

Rules with other statements, of managed groups for one, inspect nothing; `unjudged` names them.
https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statements.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote_plus

from local.engine import seams
from local.engine.load_balancer.http import HttpRequest

ALLOW: Final = "WAF_ALLOW"
BLOCK: Final = "WAF_BLOCK"

Shape = Mapping[str, Any]
Field = Callable[[HttpRequest], str | None]
Matches = Callable[[HttpRequest], bool]
Rules = Sequence[tuple[str, Matches]]
WebAcl = Callable[[str, str, str], Shape | None]

_TRANSFORMATIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "NONE": str,
    "LOWERCASE": str.lower,
    "URL_DECODE": unquote_plus,
}


class UnjudgedError(ValueError):
    """A rule uses what is not evaluated here."""


class Firewall:
    """`web_acl` finds the web ACL of a resource by account, region and ARN. Rules are compiled once per change."""

    def __init__(self, web_acl: WebAcl | None = None) -> None:
        self._web_acl = web_acl or _associated
        self._compiled: dict[str, tuple[str, Rules]] = {}

    def decide(self, request: HttpRequest, *, account: str, region: str, stage_arn: str) -> str | None:
        """`ALLOW` or `BLOCK`; None where no web ACL is associated."""
        acl = self._web_acl(account, region, stage_arn)
        if acl is None:
            return None
        for action, matches in self._rules(acl):
            if matches(request):
                return BLOCK if action == "Block" else ALLOW
        return BLOCK if "Block" in acl["DefaultAction"] else ALLOW

    def _rules(self, acl: Shape) -> Rules:
        token, rules = self._compiled.get(acl["ARN"], ("", ()))
        if token != acl["LockToken"]:
            token, rules = acl["LockToken"], list(_terminating(acl["Rules"]))
            self._compiled[acl["ARN"]] = token, rules
        return rules


def unjudged(rules: Sequence[Shape]) -> list[str]:
    """The names of the rules that inspect nothing here."""
    return [rule["Name"] for rule in rules if not _judged(rule)]


def _judged(rule: Shape) -> bool:
    try:
        _compile(rule)
    except UnjudgedError:
        return False
    return True


def _terminating(rules: Sequence[Shape]) -> Iterator[tuple[str, Matches]]:
    """By priority. A rule that counts lets the next ones decide."""
    for rule in sorted(rules, key=lambda rule: int(rule["Priority"])):
        if _judged(rule) and (action := _action(rule)) != "Count":
            yield action, _compile(rule)


def _compile(rule: Shape) -> Matches:
    if _action(rule) not in ("Allow", "Block", "Count"):
        raise UnjudgedError(rule["Name"])
    return _statement(rule["Statement"])


def _action(rule: Shape) -> str:
    return next(iter(rule.get("Action") or ()), "")


def _statement(statement: Shape) -> Matches:
    match statement:
        case {"OrStatement": {"Statements": [*parts]}}:
            each = [_statement(part) for part in parts]
            return lambda request: any(matches(request) for matches in each)
        case {"RegexMatchStatement": {"RegexString": text, "FieldToMatch": where, "TextTransformations": steps}}:
            search, field, transform = re.compile(text).search, _field(where), _transformation(steps)
            return lambda request: (value := field(request)) is not None and search(transform(value)) is not None
    raise UnjudgedError(next(iter(statement), ""))


def _field(where: Shape) -> Field:
    match where:
        case {"UriPath": _}:
            return lambda request: request.path
        case {"QueryString": _}:
            return lambda request: request.query
        case {"SingleHeader": {"Name": name}}:
            return lambda request: request.header(name.lower())
    raise UnjudgedError(next(iter(where), ""))


def _transformation(transformations: Sequence[Shape]) -> Callable[[str], str]:
    steps = []
    for transformation in sorted(transformations, key=lambda each: int(each["Priority"])):
        if transformation["Type"] not in _TRANSFORMATIONS:
            raise UnjudgedError(transformation["Type"])
        steps.append(_TRANSFORMATIONS[transformation["Type"]])

    def transform(value: str) -> str:
        for step in steps:
            value = step(value)
        return value

    return transform


def _associated(account: str, region: str, arn: str) -> Shape | None:
    acl_arn = seams.get("waf.associations").get_scoped(account, region, arn)
    if acl_arn is None:
        return None
    found: Shape | None = seams.get("waf.web_acls").get_scoped(account, region, acl_arn.rpartition("/")[2])
    return found
