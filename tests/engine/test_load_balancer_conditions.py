"""Rule conditions by themselves.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

from __future__ import annotations

from typing import Any

import pytest

from local.engine.load_balancer import conditions
from local.engine.load_balancer.errors import ApiError
from local.engine.load_balancer.http import HttpRequest

Pairs = list[tuple[str, str]]


def request(*, method: str = "GET", path: str = "/", query: str = "", headers: Pairs | None = None) -> HttpRequest:
    return HttpRequest(method=method, path=path, query=query, headers=headers or [], body=b"", client_ip="10.0.0.7")


def meets(condition: dict[str, Any], asked: HttpRequest) -> bool:
    return conditions.matcher(conditions.normalised([condition]))(asked)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/payments", "/payments", True),
        ("/payments", "/payments/", False),
        ("/payments", "/Payments", False),
        ("/payments/*", "/payments/1/capture", True),
        ("/payments/*", "/payments", False),
        ("/*/payments", "/live/payments", True),
        ("/*/payments", "/payments", False),
        ("/img?.png", "/img1.png", True),
        ("/img?.png", "/img.png", False),
        ("/a.c", "/abc", False),
    ],
)
def test_path_patterns_have_wildcards_and_case(pattern: str, path: str, expected: bool) -> None:
    assert meets({"Field": "path-pattern", "Values": [pattern]}, request(path=path)) is expected


def test_path_pattern_does_not_see_the_query() -> None:
    assert not meets({"Field": "path-pattern", "Values": ["*/x"]}, request(path="/a", query="/x"))


@pytest.mark.parametrize(
    ("value", "host", "expected"),
    [
        ("api.example.com", "API.Example.com", True),
        ("api.example.com", "api.example.com:8443", True),
        ("*.example.com", "pay.example.com", True),
        ("*.example.com", "example.com", False),
    ],
)
def test_host_header_ignores_case_and_port(value: str, host: str, expected: bool) -> None:
    condition = {"Field": "host-header", "HostHeaderConfig": {"Values": [value]}}
    assert meets(condition, request(headers=[("host", host)])) is expected


@pytest.mark.parametrize(
    ("value", "sent", "expected"),
    [
        ("blue", "blue", True),
        ("blue", "BLUE", True),
        ("blu?", "blue", True),
        ("blue", "bluer", False),
        ("*firefox*", "Mozilla Firefox 1", True),
    ],
)
def test_header_values_ignore_case_and_have_wildcards(value: str, sent: str, expected: bool) -> None:
    condition = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Release-Color", "Values": [value]}}
    assert meets(condition, request(headers=[("x-release-color", sent)])) is expected


def test_repeated_header_matches_when_one_of_its_values_does() -> None:
    condition = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x-c", "Values": ["blue"]}}
    assert meets(condition, request(headers=[("x-c", "green"), ("x-c", "blue")]))
    assert not meets(condition, request())


def test_methods_are_exact_and_case_sensitive() -> None:
    condition = {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST", "PUT"]}}
    assert meets(condition, request(method="PUT"))
    assert not meets(condition, request(method="post"))


@pytest.mark.parametrize(
    ("pair", "query", "expected"),
    [
        ({"Key": "version", "Value": "v1"}, "a=b&Version=V1", True),
        ({"Key": "version", "Value": "v1"}, "version=v2", False),
        ({"Value": "*red*"}, "x=infrared", True),
        ({"Key": "star", "Value": "\\*"}, "star=*", True),
        ({"Key": "star", "Value": "\\*"}, "star=x", False),
    ],
)
def test_query_strings_ignore_case_and_can_escape(pair: dict[str, str], query: str, expected: bool) -> None:
    condition = {"Field": "query-string", "QueryStringConfig": {"Values": [pair]}}
    assert meets(condition, request(query=query)) is expected


def test_source_address_is_compared_with_networks() -> None:
    assert meets({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/24"]}}, request())
    assert not meets({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.1.0/24"]}}, request())


def test_all_conditions_of_a_rule_must_be_met() -> None:
    both = conditions.matcher(
        conditions.normalised(
            [
                {"Field": "path-pattern", "Values": ["/payments"]},
                {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST"]}},
            ]
        )
    )
    assert both(request(method="POST", path="/payments"))
    assert not both(request(method="GET", path="/payments"))
    assert not both(request(method="POST", path="/customers"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "condition must be specified"),
        ([{"Values": ["/a"]}], "condition field must be specified"),
        ([{"Field": "path-pattern", "Values": []}], "value must be specified"),
        ([{"Field": "path-pattern", "Values": ["/a", "/b", "/c", "/d", "/e", "/f"]}], "only have '5' condition values"),
        ([{"Field": "path-pattern", "Values": ["/*?*?*?*"]}], "only have '6' condition wildcards"),
        ([{"Field": "path-pattern", "Values": ["/a"]}] * 2, "only have one 'path-pattern'"),
        ([{"Field": "path-pattern", "Values": ["/a%20b"]}], "a character that 'path-pattern' does not allow"),
        ([{"Field": "path-pattern", "Values": ["/" + "a" * 128]}], "1 to 128 characters"),
        ([{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Host", "Values": ["a"]}}], "host-header"),
        ([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.300/8"]}}], "not a CIDR block"),
        ([{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/a"]}}], "does not support regular"),
    ],
)
def test_what_aws_refuses_is_refused(given: list[dict[str, Any]], message: str) -> None:
    """Limits: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"""
    with pytest.raises(ApiError, match=message):
        conditions.normalised(given)
