"""EMF metrics per colour and outcome. One-second resolution, so that release alarms can look at 10-second windows."""

import os

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricResolution, MetricUnit

from payment_core.release_identity import Colour

NAMESPACE = "Payment"
_FIRST_FAULT_STATUS = 500


def record_request(*, colour: Colour, status: int, outcome: str, duration_ms: float) -> None:
    """Write `Requests`, `Faults` and `Latency` by colour, and `Outcomes` by colour and outcome.

    `Faults` is written as 0 too: an alarm can then tell health from silence.
    """
    by_colour = _metrics(colour)
    by_colour.add_metric("Requests", MetricUnit.Count, 1, MetricResolution.High)
    by_colour.add_metric("Faults", MetricUnit.Count, int(status >= _FIRST_FAULT_STATUS), MetricResolution.High)
    by_colour.add_metric("Latency", MetricUnit.Milliseconds, duration_ms, MetricResolution.High)
    by_colour.flush_metrics()
    by_outcome = _metrics(colour)
    by_outcome.add_dimension("Outcome", outcome)
    by_outcome.add_metric("Outcomes", MetricUnit.Count, 1, MetricResolution.High)
    by_outcome.flush_metrics()


def _metrics(colour: Colour) -> EphemeralMetrics:
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension("Environment", os.environ["ENVIRONMENT_SUFFIX"])
    metrics.add_dimension("Colour", colour)
    return metrics
