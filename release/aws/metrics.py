"""What the functions write about themselves, per colour, at one-second resolution.

Everything is counted second by second: CloudWatch rounds the start of what is asked for down to the period, and a step
must not be judged by the one before it. Counts of seconds add up to the step's; percentiles would not.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

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
_PERIOD_SECONDS: Final = 1
_FIGURES: Final = {
    "requests": ("Requests", "Sum"),
    "faults": ("Faults", "Sum"),
    "timed": ("Latency", "SampleCount"),
    # How many are above it. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
    "slow": ("Latency", "TC({slow_ms}:)"),
    # One value for each payment, 1 where it got no score in time.
    "asked": ("Unscored", "SampleCount"),
    "unscored": ("Unscored", "Sum"),
}


class ColourMetrics:
    def __init__(self, client: "CloudWatchClient", suffix: str) -> None:
        self._client = client
        self._suffix = suffix

    def sample(self, colour: Colour, *, start: float, end: float, slow_ms: int) -> Sample:
        """All routed functions together. Raises `ReleaseError` when CloudWatch gives only a part."""
        answer = self._client.get_metric_data(
            MetricDataQueries=list(self._queries(colour, slow_ms)),
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
            timed=round(sum(values["timed"])),
            slow=round(sum(values["slow"])),
            asked_to_score=round(sum(values["asked"])),
            unscored=round(sum(values["unscored"])),
        )

    def _queries(self, colour: Colour, slow_ms: int) -> "Iterator[MetricDataQueryTypeDef]":
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
                        "Period": _PERIOD_SECONDS,
                        "Stat": statistic.format(slow_ms=slow_ms),
                    },
                }
