"""Throttling by stage and method settings: a token bucket for each.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from local.engine.api_gateway.errors import GatewayError

Key = tuple[str, str, str]


class Throttle:
    """Buckets refill at the rate and hold at most the burst; limits may change between requests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[Key, tuple[float, float]] = {}

    def take(self, *, api_id: str, stage: Mapping[str, Any], resource_path: str, verb: str) -> None:
        """Count one request. Raises `GatewayError` (429) when its bucket is empty."""
        where, settings = _settings(stage, resource_path, verb)
        rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
        if rate is None or burst is None or rate < 0 or burst < 0:
            return
        key, now = (api_id, stage["stageName"], where), self._clock()
        tokens, last = self._buckets.get(key, (float(burst), now))
        tokens = min(float(burst), tokens + (now - last) * float(rate))
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            raise GatewayError("THROTTLED", "Too Many Requests")
        self._buckets[key] = (tokens - 1, now)


def _settings(stage: Mapping[str, Any], resource_path: str, verb: str) -> tuple[str, Mapping[str, Any]]:
    """The most specific method setting of the stage and its key."""
    settings = stage.get("methodSettings") or {}
    for key in (f"{resource_path}/{verb}", f"{resource_path.removeprefix('/')}/{verb}", "*/*"):
        if key in settings:
            return key, settings[key]
    return "", {}
