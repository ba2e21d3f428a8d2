"""What the functions write about themselves, per colour, at one-second resolution.

CloudWatch rounds the start of what is asked for down to the period: to the minute from 60 seconds on. What began before
the start is left out here, so that a step is never judged by the one before it.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Final

from release.analysis import Sample
from release.errors import ReleaseError
from release.names import ROUTED, Colour

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

NAMESPACE: Final = "Payment"
_SECOND: Final = 1
_PERIODS: Final = (60, 30, 10, 5)
"""Of a percentile, in seconds: those of two periods cannot be added up to one."""
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
        """All routed functions together; the p99 is the worst of any function and period that began in it. Raises
        `ReleaseError` when CloudWatch gives only a part."""
        answer = self._client.get_metric_data(
            MetricDataQueries=list(self._queries(colour, _period(start, end))),
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
        )
        if answer.get("NextToken") or any(found["StatusCode"] != "Complete" for found in answer["MetricDataResults"]):
            raise ReleaseError("CloudWatch answered with only a part of the metrics")
        values: dict[str, list[float]] = {figure: [] for figure in _FIGURES}
        for found in answer["MetricDataResults"]:
            values[found["Id"].split("_")[0]] += [
                value for at, value in zip(found["Timestamps"], found["Values"], strict=True) if at.timestamp() >= start
            ]
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
                        "Period": period if figure == "p99" else _SECOND,
                        "Stat": statistic,
                    },
                }


def _period(start: float, end: float) -> int:
    """The longest of which at least one is over between the two times."""
    return next((period for period in _PERIODS if (ceil(start / period) + 1) * period <= end), _SECOND)
