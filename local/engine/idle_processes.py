"""Ends functions' processes that nobody has called for a while; ministack keeps one of each for ever.

After a few releases that would be gigabytes. A later call starts a new one, as Lambda does. Provisioned ones stay.
"""

from __future__ import annotations

import time
from typing import Any

from local.engine import seams
from local.engine.provisioned_concurrency import is_provisioned
from local.engine.registry import Engine, Registry

LOOK_SECONDS = 10.0
IDLE_SECONDS = 240.0
# CDK's own custom resources: called once for each deployment, and each is a Node.js of 90 MB.
IDLE_SECONDS_NODE = 20.0


def register(registry: Registry) -> None:
    registry.on_start(watch)


def watch(_: Engine) -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        end_idle(now=time.time())


def end_idle(*, now: float) -> int:
    """End the processes that have idled too long at `now` and return how many."""
    idle: list[Any] = []
    with seams.get("lambda.workers_lock"):
        pools: dict[str, list[Any]] = seams.get("lambda.workers")
        for key, pool in list(pools.items()):
            ended = [worker for worker in pool if _is_idle(worker, now)]
            idle += ended
            pools[key] = [worker for worker in pool if worker not in ended]
    seams.get("lambda.kill_workers")(idle)
    return len(idle)


def _is_idle(worker: Any, now: float) -> bool:
    node = str(worker.config.get("Runtime", "")).startswith("nodejs")
    idle = not worker.in_use and now - worker.last_used > (IDLE_SECONDS_NODE if node else IDLE_SECONDS)
    return idle and not is_provisioned(worker.config)
