"""What can be measured of an environment, as alarms and the dashboard name it."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from release.names import Colour
from stages.constructs.alarms import PERIOD
from stages.constructs.payment_function import METRICS_NAMESPACE


@dataclass(frozen=True, kw_only=True)
class Observed:
    """`queues` are those where failures end, by role; `functions` are all, `aliases` those that have colours."""

    suffix: str
    live: apigateway.Stage
    aliases: Mapping[tuple[str, Colour], lambda_.Alias]
    functions: Mapping[str, lambda_.IFunction]
    queues: Mapping[str, sqs.IQueue]
    failed_transactions: sns.ITopic
    cluster: rds.DatabaseCluster

    def waiting(self, queue: str) -> cloudwatch.Metric:
        """How many messages are in a queue of failures."""
        return self.queues[queue].metric_approximate_number_of_messages_visible(statistic="Maximum", period=PERIOD)

    def failed(self) -> cloudwatch.Metric:
        """Payments that failed for reasons that are ours."""
        return self.failed_transactions.metric_number_of_messages_published(statistic="Sum", period=PERIOD)

    def oldest_open(self) -> cloudwatch.Metric:
        """Seconds that the payment which waits longest for an outcome has done so."""
        return self._payment("OldestOpenPayment", "Maximum", PERIOD, {"service": "sweeper"})

    def audit_age(self) -> cloudwatch.Metric:
        """Milliseconds since the oldest event that is not in the audit trail yet."""
        return self.functions["audit"].metric("IteratorAge", statistic="Maximum", period=PERIOD)

    def own(
        self, metric: str, function: str, colour: Colour, *, period: Duration = PERIOD, statistic: str = "Sum"
    ) -> cloudwatch.Metric:
        """What a function writes about itself, per colour."""
        return self._payment(metric, statistic, period, {"service": function, "Colour": colour.value})

    def outcome(self, function: str, colour: Colour, outcome: str) -> cloudwatch.Metric:
        """How many payments a function left with an outcome."""
        dimensions = {"service": function, "Colour": colour.value, "Outcome": outcome}
        return self._payment("Outcomes", "Sum", PERIOD, dimensions)

    def found(self, metric: str, dimension: str) -> cloudwatch.MathExpression:
        """Every value of `dimension` that the functions wrote `metric` with: a line each."""
        names = ",".join(f'"{name}"' for name in (METRICS_NAMESPACE, "service", "Environment", "Colour", dimension))
        search = f'{{{names}}} MetricName="{metric}" Environment="{self.suffix}"'
        return cloudwatch.MathExpression(expression=f"SEARCH('{search}', 'Sum', 60)", label="", using_metrics={})

    def _payment(
        self, metric: str, statistic: str, period: Duration, dimensions: Mapping[str, str]
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=metric,
            dimensions_map={"Environment": self.suffix, **dimensions},
            statistic=statistic,
            period=period,
        )
