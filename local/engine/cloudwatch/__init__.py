"""CloudWatch as the releases see it: metrics of aliases, metrics written as log lines, alarms that keep time."""

from __future__ import annotations

from local.engine.cloudwatch import alarm_clock, api, function_metrics
from local.engine.registry import Registry


def register(registry: Registry) -> None:
    function_metrics.register(registry)
    alarm_clock.register(registry)
    api.register(registry)
