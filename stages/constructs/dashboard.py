"""What people look at."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from release import names
from release.names import Colour
from stages.constructs.alarms import PERIOD
from stages.constructs.observed import Observed

FULL: Final = 24
HALF: Final = 12


class PaymentDashboard(cloudwatch.Dashboard):
    """One page: the alarms, then what callers meet, payments, colours, the database, the functions and what failed."""

    def __init__(
        self, scope: Construct, construct_id: str, *, observed: Observed, alarms: Sequence[cloudwatch.IAlarm]
    ) -> None:
        self._observed = observed
        super().__init__(
            scope,
            construct_id,
            dashboard_name=names.dashboard(observed.suffix),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=FULL)],
                [self._latency(), self._errors()],
                [self._requests(), self._outcomes()],
                [self._unscored(), self._own_latency()],
                [self._function(name) for name in names.FUNCTIONS],
                [self._database(), self._connections()],
                [self._concurrency(), self._failures()],
            ],
        )

    def _latency(self) -> cloudwatch.GraphWidget:
        live = self._observed.live
        return _graph(
            "API latency (live)",
            left=[live.metric_latency(statistic=statistic, period=PERIOD) for statistic in ("p50", "p90", "p99")],
            right=[live.metric_count(statistic="Sum", period=PERIOD)],
        )

    def _errors(self) -> cloudwatch.GraphWidget:
        live = self._observed.live
        return _graph(
            "API errors (live)",
            left=[
                live.metric_client_error(statistic="Sum", period=PERIOD),
                live.metric_server_error(statistic="Sum", period=PERIOD),
            ],
        )

    def _requests(self) -> cloudwatch.GraphWidget:
        routed = [(name, colour) for name in names.ROUTED for colour in Colour]
        return _graph(
            "Requests and faults by colour",
            left=[self._observed.own("Requests", name, colour) for name, colour in routed],
            right=[self._observed.own("Faults", name, colour) for name, colour in routed],
        )

    def _outcomes(self) -> cloudwatch.GraphWidget:
        return _graph(
            "Payments by outcome; flagged: for review, or unchecked by fraud detection",
            stacked=True,
            left=[self._observed.found("Outcomes", "Outcome")],
            right=[self._observed.found("Flags", "Flag")],
        )

    def _unscored(self) -> cloudwatch.GraphWidget:
        return _graph(
            "Payments without a score of fraud detection, let through or refused; their share by colour",
            left=[self._observed.found("Unscored", "Outcome")],
            right=[self._observed.own("Unscored", "processing", colour, statistic="Average") for colour in Colour],
        )

    def _own_latency(self) -> cloudwatch.GraphWidget:
        routed = [(name, colour) for name in names.ROUTED for colour in Colour]
        return _graph(
            "p99 by colour of warm requests, by which releases are judged; right: of workers' first requests",
            left=[self._observed.own("Latency", name, colour, statistic="p99") for name, colour in routed],
            right=[self._observed.own("ColdLatency", name, colour, statistic="p99") for name, colour in routed],
        )

    def _function(self, name: str) -> cloudwatch.GraphWidget:
        aliases = [self._observed.aliases[name, colour] for colour in Colour]
        return _graph(
            f"{name.capitalize()}: latency and errors by colour",
            width=FULL // len(names.FUNCTIONS),
            left=[alias.metric_duration(statistic="p99", period=PERIOD) for alias in aliases],
            right=[alias.metric_errors(statistic="Sum", period=PERIOD) for alias in aliases],
        )

    def _database(self) -> cloudwatch.GraphWidget:
        cluster = self._observed.cluster
        return _graph(
            "Database load",
            left=[cluster.metric_cpu_utilization(period=PERIOD)],
            right=[cluster.metric_serverless_database_capacity(period=PERIOD)],
        )

    def _connections(self) -> cloudwatch.GraphWidget:
        cluster = self._observed.cluster
        return _graph(
            "Database connections and replica lag",
            left=[cluster.metric_database_connections(period=PERIOD)],
            right=[cluster.metric("AuroraReplicaLagMaximum", period=PERIOD)],
        )

    def _concurrency(self) -> cloudwatch.GraphWidget:
        functions = self._observed.functions.values()
        return _graph(
            "Functions: concurrency and throttles",
            left=[f.metric("ConcurrentExecutions", statistic="Maximum", period=PERIOD) for f in functions],
            right=[f.metric_throttles(statistic="Sum", period=PERIOD) for f in functions],
        )

    def _failures(self) -> cloudwatch.GraphWidget:
        observed = self._observed
        return _graph(
            "Queues of failures and age of the oldest event that is not in the audit trail; failed transactions",
            left=[*(observed.waiting(queue) for queue in observed.queues), observed.failed()],
            right=[observed.audit_age()],
        )


def _graph(
    title: str,
    *,
    left: Sequence[cloudwatch.IMetric],
    right: Sequence[cloudwatch.IMetric] = (),
    width: int = HALF,
    stacked: bool = False,
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, width=width, left=list(left), right=list(right), stacked=stacked or None)
