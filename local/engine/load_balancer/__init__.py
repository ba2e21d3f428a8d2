"""Application Load Balancers with Lambda targets: the API, the template types and the data plane.

In place of ministack's own: weights, conditions, permissions and failures are AWS's here. What it does not
support it refuses by name.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from local.engine.load_balancer import api, templates
from local.engine.load_balancer.access_log import AccessLog
from local.engine.load_balancer.dispatch import Balancer
from local.engine.load_balancer.entrance import by_host
from local.engine.load_balancer.health import Checker, probe
from local.engine.load_balancer.metrics import Flusher, MetricBuffer
from local.engine.load_balancer.model import Store
from local.engine.registry import Registry


@dataclass(frozen=True)
class Plane:
    """What serves requests in this engine; API Gateway's private integrations use it too."""

    store: Store = field(default_factory=Store)
    metrics: MetricBuffer = field(default_factory=MetricBuffer)
    access_log: AccessLog = field(default_factory=AccessLog)

    @functools.cached_property
    def balancer(self) -> Balancer:
        return Balancer(self.store, self.metrics, self.access_log)


@functools.cache
def plane() -> Plane:
    return Plane()


def register(registry: Registry) -> None:
    shared = plane()
    flusher, checker = Flusher([shared.metrics.flush, shared.access_log.flush]), Checker(shared.store, probe)
    registry.register_service(api.SERVICE, api.handler(shared.store), resource_arn=api.resource_arn)
    registry.wrap_app(by_host(shared.store, shared.balancer))
    for task in (flusher, checker):
        _run_beside(registry, task)
    templates.register(registry)


def _run_beside(registry: Registry, task: Flusher | Checker) -> None:
    registry.on_start(lambda _: task.run())
    registry.on_stop(task.stop)
