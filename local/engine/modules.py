"""The engine modules, in the order in which they register. Each has `register(registry)`."""

from __future__ import annotations

MODULES: tuple[str, ...] = (
    "local.engine.data_plane",
    "local.engine.access",
    "local.engine.policy_variables",
    "local.engine.quick_access",
    "local.engine.lambda_actions",
    "local.engine.template_urls",
    "local.engine.descriptions",
    "local.engine.managed_keys",
    "local.engine.resource_arns",
    "local.engine.function_processes",
    "local.engine.provisioned_concurrency",
    "local.engine.idle_processes",
    "local.engine.stream_delivery",
    "local.engine.dynamodb_throughput",
    "local.engine.rotation",
    "local.engine.rotation_schedule",
    "local.engine.resource_types",
    "local.engine.cloudwatch",
    "local.engine.cloudformation",
    "local.engine.load_balancer",
    "local.engine.api_gateway",
    "local.pipeline.engine_module",
)
