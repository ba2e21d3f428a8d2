"""The IAM action of each Lambda API call, from botocore's own model of the API.

ministack names a part of them and takes the rest for a neighbour: GetAlias for ListAliases.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

import botocore.session

from local.engine import seams
from local.engine.registry import Engine, Registry

# The only operations whose permission has another name than the operation.
RENAMED = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction"}


def register(registry: Registry) -> None:
    registry.before_start(_correct)


def _correct(_: Engine) -> None:
    seams.wrap("iam.lambda_action", _from_model)


def _from_model(original: Callable[[str, str], str | None]) -> Callable[[str, str], str | None]:
    def action(method: str, path: str) -> str | None:
        for verb, pattern, name in _routes():
            if verb == method and pattern.fullmatch(path.rstrip("/")):
                return name
        return original(method, path)

    return action


@functools.cache
def _routes() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Method, path pattern and action of every operation, the most literal path first."""
    model = botocore.session.get_session().get_service_model("lambda")
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = http["requestUri"].partition("?")[0].rstrip("/")
        pattern = re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(path)))
        found.append((path.count("{"), http["method"], pattern, RENAMED.get(name, name)))
    return tuple((verb, pattern, name) for _, verb, pattern, name in sorted(found, key=lambda route: route[0]))
