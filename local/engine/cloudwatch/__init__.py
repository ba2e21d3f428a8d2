"""CloudWatch: metrics of aliases, metrics out of log lines and by filters, alarms that keep time, metric math."""

from __future__ import annotations

from local.engine.cloudwatch import alarm_actions, alarm_clock, api, function_metrics, metric_filters
from local.engine.registry import Registry


def register(registry: Registry) -> None:
    function_metrics.register(registry)
    alarm_actions.register(registry)
    alarm_clock.register(registry)
    api.register(registry)
    metric_filters.register(registry)
