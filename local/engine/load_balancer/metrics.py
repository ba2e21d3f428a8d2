"""Metrics of the data plane: counted on the request path, put into CloudWatch in batches from a thread.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
"""

from __future__ import annotations

import threading
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.engine import context

FLUSH_SECONDS = 1.0
MAX_VALUES = 150  # of one datum, as PutMetricData allows
MAX_DATA = 500  # of one call; AWS allows 1000

Dimensions = tuple[tuple[str, str], ...]
Source = tuple[str, str, str]
Series = tuple[str, Dimensions, str]


class MetricBuffer:
    """Counts values per account, region, namespace, metric and dimensions until they are flushed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[Source, dict[Series, Counter[float]]] = {}

    def add(
        self,
        *,
        account: str,
        region: str,
        namespace: str,
        dimensions: Iterable[Dimensions],
        counts: Mapping[str, float],
        seconds: Mapping[str, float] | None = None,
        milliseconds: Mapping[str, float] | None = None,
    ) -> None:
        """Count one request in every set of `dimensions`."""
        units = (("Count", counts), ("Seconds", seconds or {}), ("Milliseconds", milliseconds or {}))
        with self._lock:
            series = self._pending.setdefault((account, region, namespace), {})
            for where in dimensions:
                for unit, values in units:
                    for name, value in values.items():
                        series.setdefault((name, where, unit), Counter())[value] += 1

    def flush(self) -> None:
        """Put everything counted so far into the engine's CloudWatch. Not for the event loop."""
        with self._lock:
            pending, self._pending = self._pending, {}
        now = datetime.now(UTC)
        for (account, region, namespace), series in pending.items():
            data = [datum for key, values in series.items() for datum in _data(key, values, now)]
            client = context.client("cloudwatch", account=account, region=region)
            for start in range(0, len(data), MAX_DATA):
                client.put_metric_data(Namespace=namespace, MetricData=data[start : start + MAX_DATA])


class Flusher:
    """Flushes buffers about once a second until stopped, and once more then."""

    def __init__(self, flushes: Iterable[Any]) -> None:
        self._flushes = tuple(flushes)
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(FLUSH_SECONDS):
            for flush in self._flushes:
                try:
                    flush()
                except (BotoCoreError, ClientError):  # one refused batch must not end all later ones
                    traceback.print_exc()

    def stop(self) -> None:
        self._stopped.set()


def _data(key: Series, values: Counter[float], now: datetime) -> Iterable[dict[str, Any]]:
    name, dimensions, unit = key
    items = sorted(values.items())
    for start in range(0, len(items), MAX_VALUES):
        part = items[start : start + MAX_VALUES]
        yield {
            "MetricName": name,
            "Dimensions": [{"Name": dimension, "Value": value} for dimension, value in dimensions],
            "Timestamp": now,
            "Unit": unit,
            "Values": [value for value, _ in part],
            "Counts": [float(count) for _, count in part],
        }
