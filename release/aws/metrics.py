"""What the functions write about themselves, per colour, at 10-second resolution."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from release.analysis import Sample
from release.errors import ReleaseError
from release.names import ROUTED, Colour

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

NAMESPACE: Final = "Payment"
PERIOD_SECONDS: Final = 10
_FIGURES: Final = {
    "requests": ("Requests", "Sum"),
    "faults": ("Faults", "Sum"),
    "p99": ("Latency", "p99"),
    # One value for each payment, 1 where it got no score in time.
    "asked": ("Unscored", "SampleCount"),
    "unscored": ("Unscored", "Sum"),
}


class ColourMetrics:
    def __init__(self, client: "CloudWatchClient", suffix: str) -> None:
        self._client = client
        self._suffix = suffix

    def sample(self, colour: Colour, *, start: float, end: float) -> Sample:
        """All routed functions together; the p99 is the worst of any function and period. Raises `ReleaseError`
        when CloudWatch gives only a part."""
        answer = self._client.get_metric_data(
            MetricDataQueries=list(self._queries(colour, _period(end - start))),
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
        )
        if answer.get("NextToken") or any(found["StatusCode"] != "Complete" for found in answer["MetricDataResults"]):
            raise ReleaseError("CloudWatch answered with only a part of the metrics")
        values: dict[str, list[float]] = {figure: [] for figure in _FIGURES}
        for found in answer["MetricDataResults"]:
            values[found["Id"].split("_")[0]] += found["Values"]
        return Sample(
            requests=round(sum(values["requests"])),
            faults=round(sum(values["faults"])),
            p99_ms=max(values["p99"], default=None),
            asked_to_score=round(sum(values["asked"])),
            unscored=round(sum(values["unscored"])),
        )

    def _queries(self, colour: Colour, period: int) -> "Iterator[MetricDataQueryTypeDef]":
        for function in ROUTED:
            dimensions = {"service": function, "Environment": self._suffix, "Colour": colour.value}
            for figure, (metric, statistic) in _FIGURES.items():
                yield {
                    "Id": f"{figure}_{function}",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": NAMESPACE,
                            "MetricName": metric,
                            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                        },
                        "Period": period,
                        "Stat": statistic,
                    },
                }


def _period(seconds: float) -> int:
    """The shortest period that CloudWatch takes and that is as long as the window."""
    for period in (PERIOD_SECONDS, 30):
        if seconds <= period:
            return period
    return 60 * -(-round(seconds) // 60)
