"""Rule conditions: what AWS accepts, and how a request is compared.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from local.engine.load_balancer.errors import unsupported, validation
from local.engine.load_balancer.http import HttpRequest
from local.engine.load_balancer.model import Shape

Matcher = Callable[[HttpRequest], bool]

MAX_VALUES = 5
MAX_WILDCARDS = 6
MAX_LENGTH = 128
CONFIGS = {
    "host-header": "HostHeaderConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "path-pattern": "PathPatternConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
REPEATABLE = {"http-header", "query-string"}
LEGACY_VALUES = {"host-header", "path-pattern"}

_ALLOWED = {
    "host-header": re.compile(r"[A-Za-z0-9\-.*?]+"),
    "path-pattern": re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*?]+"),
    "http-request-method": re.compile(r"[A-Z_\-]{1,40}"),
}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,40}")


def normalised(conditions: Sequence[Shape]) -> list[Shape]:
    """The conditions as AWS describes them. Raises `ApiError` (ValidationError) for what AWS refuses."""
    if not conditions:
        raise validation("A condition must be specified")
    result = [_normalised(condition) for condition in conditions]
    repeated = [name for name, count in Counter(c["Field"] for c in result).items() if count > 1]
    if extra := sorted(set(repeated) - REPEATABLE):
        raise validation(f"A rule can only have one '{extra[0]}' condition")
    values = [text for condition in result for text in _texts(condition)]
    if len(values) > MAX_VALUES:
        raise validation(f"A rule can only have '{MAX_VALUES}' condition values")
    if sum(len(re.findall(r"(?<!\\)[*?]", text)) for text in values) > MAX_WILDCARDS:
        raise validation(f"A rule can only have '{MAX_WILDCARDS}' condition wildcards")
    return result


def matcher(conditions: Sequence[Shape]) -> Matcher:
    """A test for requests that meet all of `conditions` (normalised). The default rule has none and takes all."""
    tests = [_COMPARE[condition["Field"]](condition[CONFIGS[condition["Field"]]]) for condition in conditions]
    return lambda request: all(test(request) for test in tests)


def _normalised(condition: Shape) -> Shape:
    field = condition.get("Field")
    if field is None:
        raise validation("A condition field must be specified")
    if field not in CONFIGS:
        raise validation(f"Condition field '{field}' must be one of '[{', '.join(sorted(CONFIGS))}]'")
    name = CONFIGS[field]
    config = dict(condition.get(name) or {})
    if "RegexValues" in condition or "RegexValues" in config:
        raise unsupported("regular expressions in conditions")
    if "Values" in condition:
        if field not in LEGACY_VALUES or config:
            raise validation(f"Condition values must be in '{name}' only")
        config = {"Values": condition["Values"]}
    if unknown := sorted(set(condition) - {"Field", "Values", name}):
        raise validation(f"'{unknown[0]}' does not belong to a condition on '{field}'")
    if not config.get("Values"):
        raise validation("A condition value must be specified")
    _check(field, config)
    shape: Shape = {"Field": field, name: config}
    return shape | {"Values": list(config["Values"])} if field in LEGACY_VALUES else shape


def _check(field: str, config: Shape) -> None:
    for text in _values(field, config):
        if not text or len(text) > MAX_LENGTH:
            raise validation(f"Condition value '{text}' must have 1 to {MAX_LENGTH} characters")
        if field in _ALLOWED and not _ALLOWED[field].fullmatch(text):
            raise validation(f"Condition value '{text}' contains a character that '{field}' does not allow")
    if field == "http-header":
        name = config.get("HttpHeaderName", "")
        if not _HEADER_NAME.fullmatch(name):
            raise validation(f"HTTP header name '{name}' is not valid")
        if name.lower() == "host":
            raise validation("The host header must be specified by a 'host-header' condition")
    if field == "source-ip":
        for text in config["Values"]:
            try:
                ipaddress.ip_network(text)
            except ValueError:
                raise validation(f"'{text}' is not a CIDR block") from None


def _values(field: str, config: Shape) -> list[str]:
    if field == "query-string":
        return [
            text for pair in config["Values"] for text in (pair.get("Key"), pair.get("Value", "")) if text is not None
        ]
    return [str(text) for text in config["Values"]]


def _texts(condition: Shape) -> list[str]:
    """What counts against the limits: one text per value, a query string's key and value together."""
    config = condition[CONFIGS[condition["Field"]]]
    if condition["Field"] == "query-string":
        return [f"{pair.get('Key', '')}={pair.get('Value', '')}" for pair in config["Values"]]
    return [str(text) for text in config["Values"]]


def _pattern(text: str, *, ignore_case: bool, escapes: bool = False) -> re.Pattern[str]:
    """`*` stands for any characters (none included), `?` for exactly one; `\\` escapes where AWS says so."""
    tokens = re.findall(r"\\[*?\\]|.", text, re.DOTALL) if escapes else list(text)
    parts = [{"*": ".*", "?": "."}.get(token) or re.escape(token[-1]) for token in tokens]
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _host(config: Shape) -> Matcher:
    patterns = [_pattern(text, ignore_case=True) for text in config["Values"]]
    return lambda request: _any(patterns, (request.header("host") or "").partition(":")[0])


def _path(config: Shape) -> Matcher:
    patterns = [_pattern(text, ignore_case=False) for text in config["Values"]]
    return lambda request: _any(patterns, request.path)


def _header(config: Shape) -> Matcher:
    name = config["HttpHeaderName"].lower()
    patterns = [_pattern(text, ignore_case=True) for text in config["Values"]]
    return lambda request: any(_any(patterns, value) for value in request.values(name))


def _method(config: Shape) -> Matcher:
    methods = set(config["Values"])
    return lambda request: request.method in methods


def _query(config: Shape) -> Matcher:
    pairs = [
        (
            _pattern(pair["Key"], ignore_case=True, escapes=True) if "Key" in pair else re.compile(".*", re.DOTALL),
            _pattern(pair.get("Value", ""), ignore_case=True, escapes=True),
        )
        for pair in config["Values"]
    ]
    return lambda request: any(
        key.fullmatch(name) and value.fullmatch(text) for name, text in request.parameters() for key, value in pairs
    )


def _source(config: Shape) -> Matcher:
    networks = [ipaddress.ip_network(text) for text in config["Values"]]
    return lambda request: any(ipaddress.ip_address(request.client_ip) in network for network in networks)


def _any(patterns: Sequence[re.Pattern[str]], text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern in patterns)


_COMPARE: dict[str, Callable[[Any], Matcher]] = {
    "host-header": _host,
    "http-header": _header,
    "http-request-method": _method,
    "path-pattern": _path,
    "query-string": _query,
    "source-ip": _source,
}
