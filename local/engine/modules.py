"""The engine modules, in the order in which they register. Each has `register(registry)`."""

from __future__ import annotations

MODULES: tuple[str, ...] = (
    "local.engine.load_balancer",
    "local.engine.api_gateway",
    "local.pipeline.engine_module",
)
