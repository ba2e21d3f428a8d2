"""Parameter mappings: from the request, the context, stage variables or a literal into the integration request.

https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from local.engine.api_gateway.exchange import Exchange

_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")


@dataclass(kw_only=True)
class Mapped:
    """Values for the integration request; None takes the client's own value away."""

    headers: dict[str, str | None] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


def mapped(parameters: Mapping[str, str], exchange: Exchange) -> Mapped:
    """`parameters` is the integration's requestParameters (target to source)."""
    result = Mapped()
    for target, source in parameters.items():
        _, _, location, name = target.split(".", 3)
        value = source_value(source, exchange)
        if location == "header":
            result.headers[name.lower()] = value
        elif location == "path" and value is not None:
            result.path[name] = value
        elif location == "querystring" and value is not None:
            result.query[name] = value
    return result


def source_value(source: str, exchange: Exchange) -> str | None:
    """The value of one mapping source; None if it is absent."""
    if len(source) >= 2 and source[0] == source[-1] == "'":
        return source[1:-1]
    kind, _, name = source.partition(".")
    if kind == "context":
        return exchange.variable(name)
    if kind == "stageVariables":
        return exchange.stage_variables.get(name)
    if source.startswith("method.request.header."):
        return exchange.request.header(source.split(".", 3)[3].lower())
    if source.startswith("method.request.path."):
        return exchange.path_parameters.get(source.split(".", 3)[3])
    if source.startswith("method.request.querystring."):
        return query_value(exchange, source.split(".", 3)[3])
    return None


def query_value(exchange: Exchange, name: str) -> str | None:
    found = None
    for key, value in exchange.request.parameters():
        if unquote_plus(key) == name:
            found = unquote_plus(value)
    return found


def with_stage_variables(text: str, exchange: Exchange) -> str:
    """`${stageVariables.x}` in a URI or connection id, filled in."""
    return _STAGE_VARIABLE.sub(lambda match: exchange.stage_variables.get(match[1], ""), text)
