"""What a web ACL's own rules decide of a request.

https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-processing-order.html
"""

from __future__ import annotations

from typing import Any

import pytest

from local.engine.api_gateway.firewall import ALLOW, BLOCK, Firewall, unjudged
from local.engine.load_balancer.http import HttpRequest

PATH: dict[str, Any] = {"UriPath": {}}
QUERY: dict[str, Any] = {"QueryString": {}}
HEADER = {"SingleHeader": {"Name": "X-Order"}}
RATE = {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP"}}


def regex(text: str, where: dict[str, Any], *transformations: str) -> dict[str, Any]:
    steps = [{"Priority": number, "Type": name} for number, name in enumerate(transformations or ("NONE",))]
    return {"RegexMatchStatement": {"RegexString": text, "FieldToMatch": where, "TextTransformations": steps}}


def rule(statement: dict[str, Any], action: str = "Block", priority: int = 0, name: str = "rule") -> dict[str, Any]:
    return {"Name": name, "Priority": priority, "Action": {action: {}}, "Statement": statement}


def web_acl(*rules: dict[str, Any], default: str = "Allow", version: int = 1) -> dict[str, Any]:
    return {"ARN": "acl", "LockToken": str(version), "DefaultAction": {default: {}}, "Rules": list(rules)}


def request(path: str = "/live/payments", query: str = "", order: str | None = None) -> HttpRequest:
    headers = [("x-order", order)] if order else []
    return HttpRequest(method="GET", path=path, query=query, headers=headers, body=b"", client_ip="127.0.0.1")


def decided(acl: dict[str, Any] | None, asked: HttpRequest) -> str | None:
    return Firewall(lambda *_: acl).decide(asked, account="a", region="r", stage_arn="arn")


@pytest.mark.parametrize(
    ("statement", "asked", "decision"),
    [
        (regex("^/live/secret$", PATH), request("/live/secret"), BLOCK),
        (regex("^/live/secret$", PATH), request("/live/secrets"), ALLOW),
        (regex("secret", PATH), request("/live/s%65cret"), ALLOW),
        (regex("secret", PATH, "URL_DECODE"), request("/live/s%65cret"), BLOCK),
        (regex("secret", PATH, "URL_DECODE", "LOWERCASE"), request("/live/S%45CRET"), BLOCK),
        (regex("secret", QUERY), request(query="a=b&secret=1"), BLOCK),
        (regex("secret", QUERY), request("/secret"), ALLOW),
        (regex("secret", HEADER), request(order="my secret"), BLOCK),
        (regex("^$", HEADER), request(), ALLOW),
        ({"OrStatement": {"Statements": [regex("a", QUERY), regex("b", QUERY)]}}, request(query="b"), BLOCK),
        ({"OrStatement": {"Statements": [regex("a", QUERY), regex("b", QUERY)]}}, request(query="c"), ALLOW),
        (RATE, request(), ALLOW),
    ],
)
def test_own_rules_judge_path_query_and_headers(statement: dict[str, Any], asked: HttpRequest, decision: str) -> None:
    assert decided(web_acl(rule(statement)), asked) == decision


def test_the_first_rule_by_priority_that_ends_the_evaluation_decides() -> None:
    counts, allows, blocks = (
        rule(regex(".", PATH), action, priority) for action, priority in (("Count", 0), ("Allow", 1), ("Block", 2))
    )
    assert decided(web_acl(blocks, allows, counts), request()) == ALLOW
    assert decided(web_acl(blocks, counts), request()) == BLOCK
    assert decided(web_acl(counts), request()) == ALLOW


def test_the_default_action_decides_what_no_rule_does() -> None:
    assert decided(web_acl(default="Block"), request()) == BLOCK
    assert decided(None, request()) is None


def test_a_changed_web_acl_decides_at_once() -> None:
    acls = [web_acl(rule(regex(".", PATH))), web_acl(version=2)]
    firewall = Firewall(lambda *_: acls.pop(0))
    decisions = [firewall.decide(request(), account="a", region="r", stage_arn="arn") for _ in range(2)]
    assert decisions == [BLOCK, ALLOW]


def test_rules_that_inspect_nothing_are_named() -> None:
    managed = {"Name": "managed", "Priority": 1, "OverrideAction": {"None": {}}, "Statement": {}}
    rules = [
        rule(regex("a", PATH), name="own"),
        managed,
        rule(RATE, name="rate"),
        rule(regex("a", {"Body": {}}), name="body"),
        rule(regex("a", PATH, "BASE64_DECODE"), name="decoded"),
        rule({"OrStatement": {"Statements": [regex("a", PATH), RATE]}}, name="half"),
    ]
    assert unjudged(rules) == ["managed", "rate", "body", "decoded", "half"]
