"""EMF metrics per colour and outcome. One-second resolution, so that release alarms can look at 10-second windows."""

import os
from functools import cache

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricResolution, MetricUnit

from payment_core.release_identity import Colour

NAMESPACE = "Payment"
_FIRST_FAULT_STATUS = 500


def record_request(
    *, colour: Colour, status: int, outcome: str, duration_ms: float, flags: tuple[str, ...] = ()
) -> None:
    """Write `Requests`, `Faults` and `Latency` by colour, `Outcomes` also by outcome, and `Flags` also by flag.

    `Faults` is written as 0 too: an alarm can then tell health from silence. The first request of each outcome that a
    worker serves is in `ColdLatency` instead of `Latency`, which releases are compared by. Why: docs/decisions/0405.
    """
    is_first = outcome not in (seen := _outcomes_of_this_worker())
    seen.add(outcome)
    by_colour = _metrics(colour)
    by_colour.add_metric("Requests", MetricUnit.Count, 1, MetricResolution.High)
    by_colour.add_metric("Faults", MetricUnit.Count, int(status >= _FIRST_FAULT_STATUS), MetricResolution.High)
    latency = "ColdLatency" if is_first else "Latency"
    by_colour.add_metric(latency, MetricUnit.Milliseconds, duration_ms, MetricResolution.High)
    by_colour.flush_metrics()
    _count("Outcomes", colour=colour, dimension="Outcome", value=outcome)
    for flag in flags:
        _count("Flags", colour=colour, dimension="Flag", value=flag)


def record_score(colour: Colour, unscored: str | None) -> None:
    """Write `Unscored` by colour: 0 where a payment got its score in time, else 1, that one also by what became of it.

    The 0 makes the average the share of payments without a score, however few there are.
    """
    by_colour = _metrics(colour)
    by_colour.add_metric("Unscored", MetricUnit.Count, int(unscored is not None), MetricResolution.High)
    by_colour.flush_metrics()
    if unscored is not None:
        _count("Unscored", colour=colour, dimension="Outcome", value=unscored)


def record_oldest_open(*, seconds: float) -> None:
    """Write `OldestOpenPayment`: how long the one that waits longest for the acquirer has done so, 0 if none does."""
    written = _metrics()
    written.add_metric("OldestOpenPayment", MetricUnit.Seconds, seconds)
    written.flush_metrics()


@cache
def _outcomes_of_this_worker() -> set[str]:
    return set()


def _count(name: str, *, colour: Colour, dimension: str, value: str) -> None:
    counted = _metrics(colour)
    counted.add_dimension(dimension, value)
    counted.add_metric(name, MetricUnit.Count, 1, MetricResolution.High)
    counted.flush_metrics()


def _metrics(colour: Colour | None = None) -> EphemeralMetrics:
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension("Environment", os.environ["ENVIRONMENT_SUFFIX"])
    if colour is not None:
        metrics.add_dimension("Colour", colour)
    return metrics
