"""What people look at and what wakes them."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from release import names
from release.names import Colour
from stages.api import ApiStack
from stages.compute import ComputeStack
from stages.configuration import AlarmConfig, Environment
from stages.constructs.alarms import PERIOD, RELEASE_PERIOD, PaymentAlarms
from stages.constructs.payment_function import METRICS_NAMESPACE
from stages.constructs.payment_layer import PaymentLayer
from stages.data import DataStack
from stages.security import SecurityStack

FULL, HALF = 24, 12
# The stream forgets an event after a day: this is early enough to save every one.
AUDIT_BEHIND_MS = 300_000


class MonitoringStack(PaymentLayer):
    """A dashboard and alarms on latency, errors, payments, the database and the audit trail."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        security: SecurityStack,
        data: DataStack,
        compute: ComputeStack,
        api: ApiStack,
    ) -> None:
        super().__init__(scope, "monitoring", environment=environment)
        self._api = api.rest.api
        self._live = api.rest.stages[names.LIVE_STAGE]
        self._aliases = {
            (name, colour): function.aliases[colour] for name, function in compute.coloured.items() for colour in Colour
        }
        self._functions = {
            **{name: function.function for name, function in compute.coloured.items()},
            "rotation": compute.rotation.function,
            "migration": compute.migration.function,
            "audit": compute.audit.function,
            "sweeper": compute.sweeper.function,
        }
        self._audit_failures = compute.audit_failures
        self._undelivered = security.undelivered
        self._failed = security.failed_transactions
        self._cluster = data.database.cluster
        self._alarms = PaymentAlarms(self, "Alarms", suffix=environment.suffix, topic=security.alerts)
        self._alarm_on_api(environment.alarms)
        self._alarm_on_functions(environment.alarms)
        self._alarm_on_database(environment.alarms)
        self._alarm_on_payments(environment.alarms)
        self._alarm_on_throttles()
        self._alarm_on_audit_trail()
        self._alarm_on_rotation()
        self._alarm_on_sweeps()
        self._alarm_on_undelivered()
        dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=names.dashboard(environment.suffix),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=self._alarms.all, width=FULL)],
                [self._api_latency_graph(), self._api_errors_graph()],
                [self._requests_graph(), self._outcomes_graph()],
                [self._function_graph(name) for name in compute.coloured],
                [self._database_graph(), self._connections_graph()],
                [self._concurrency_graph(), self._audit_graph()],
            ],
        )
        self.outputs({"DashboardName": dashboard.dashboard_name})

    def _alarm_on_api(self, config: AlarmConfig) -> None:
        self._alarms.above(
            "api-latency-p99",
            self._live.metric_latency(statistic="p99", period=PERIOD),
            threshold=config.latency_p99_ms,
            description="One in a hundred live requests is slower than promised",
            runbook="latency",
        )
        self._alarms.above(
            "api-errors",
            self._live.metric_server_error(statistic="Sum", period=PERIOD),
            threshold=config.errors_per_minute,
            description="Live requests are answered with 5xx",
            runbook="errors",
        )

    def _alarm_on_functions(self, config: AlarmConfig) -> None:
        for (name, colour), alias in self._aliases.items():
            self._alarms.above(
                f"{name}-{colour.value}-latency-p99",
                alias.metric_duration(statistic="p99", period=PERIOD),
                threshold=config.latency_p99_ms,
                description=f"The {colour.value} {name} function is slower than promised",
                runbook="latency",
            )
            self._alarms.above(
                f"{name}-{colour.value}-errors",
                alias.metric_errors(statistic="Sum", period=PERIOD),
                threshold=config.errors_per_minute,
                description=f"The {colour.value} {name} function fails",
                runbook="errors",
            )

            if name in names.ROUTED:
                self._alarm_on_release(name, colour, config)

    def _alarm_on_release(self, name: str, colour: Colour, config: AlarmConfig) -> None:
        """What a shift goes by: ten seconds of what the function writes about itself."""
        # One value for each request, 1 or 0: their average is the share that failed.
        failed = self._metric("Faults", name, colour, period=RELEASE_PERIOD, statistic="Average")
        self._alarms.above(
            f"{name}-{colour.value}-release-errors",
            failed,
            threshold=config.release_error_percent / 100,
            description=f"The {colour.value} {name} function answers too many requests with 5xx",
            runbook="errors",
        )
        self._alarms.above(
            f"{name}-{colour.value}-release-p99",
            self._metric("Latency", name, colour, period=RELEASE_PERIOD, statistic="p99"),
            threshold=config.latency_p99_ms,
            description=f"The {colour.value} {name} function answers more slowly than promised",
            runbook="latency",
        )

    def _alarm_on_payments(self, config: AlarmConfig) -> None:
        self._alarms.above(
            "failed-transactions",
            self._failed.metric_number_of_messages_published(statistic="Sum", period=PERIOD),
            threshold=config.failed_transactions_per_minute,
            description="Payments fail for reasons that are ours",
            runbook="failed-transactions",
        )
        for colour in Colour:
            self._alarms.above(
                f"fraud-{colour.value}-declines",
                self._outcome("fraud", colour, "declined"),
                threshold=config.fraud_declines_per_minute,
                description=f"The {colour.value} fraud function declines more payments than usual",
                runbook="fraud-declines",
            )

    def _alarm_on_throttles(self) -> None:
        for name, function in self._functions.items():
            self._alarms.above(
                f"{name}-throttles",
                function.metric_throttles(statistic="Sum", period=PERIOD),
                threshold=0,
                description=f"The {name} function is called more often at once than its reservation allows",
                runbook="throttles",
            )

    def _alarm_on_audit_trail(self) -> None:
        self._alarms.above(
            "audit-failures",
            self._audit_failures.metric_approximate_number_of_messages_visible(statistic="Maximum", period=PERIOD),
            threshold=0,
            description="Events of payments could not be written to the audit bucket",
            runbook="audit-trail",
            at_once=True,
        )
        self._alarms.above(
            "audit-behind",
            self._functions["audit"].metric("IteratorAge", statistic="Maximum", period=PERIOD),
            threshold=AUDIT_BEHIND_MS,
            description="Events of payments wait to be written to the audit bucket",
            runbook="audit-trail",
        )

    def _alarm_on_rotation(self) -> None:
        self._alarms.above(
            "rotation-errors",
            self._functions["rotation"].metric_errors(statistic="Sum", period=PERIOD),
            threshold=0,
            description="A step of the database secret's rotation failed",
            runbook="secret-rotation",
            at_once=True,
        )

    def _alarm_on_sweeps(self) -> None:
        self._alarms.above(
            "sweeper-errors",
            self._functions["sweeper"].metric_errors(statistic="Sum", period=PERIOD),
            threshold=0,
            description="Payments that have no outcome are not settled",
            runbook="failed-transactions",
        )

    def _alarm_on_undelivered(self) -> None:
        self._alarms.above(
            "undelivered",
            self._undelivered.metric_approximate_number_of_messages_visible(statistic="Maximum", period=PERIOD),
            threshold=0,
            description="A notification or an event for a function was given up",
            runbook="undelivered",
            at_once=True,
        )

    def _outcome(self, function: str, colour: Colour, outcome: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name="Outcomes",
            dimensions_map={
                "service": function,
                "Environment": self.suffix,
                "Colour": colour.value,
                "Outcome": outcome,
            },
            statistic="Sum",
            period=PERIOD,
        )

    def _metric(
        self, metric: str, function: str, colour: Colour, *, period: Duration = PERIOD, statistic: str = "Sum"
    ) -> cloudwatch.Metric:
        """What the functions write about themselves, per colour."""
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=metric,
            dimensions_map={"service": function, "Environment": self.suffix, "Colour": colour.value},
            statistic=statistic,
            period=period,
        )

    def _alarm_on_database(self, config: AlarmConfig) -> None:
        self._alarms.above(
            "database-cpu",
            self._cluster.metric_cpu_utilization(statistic="Average", period=PERIOD),
            threshold=config.database_cpu_percent,
            description="The database has little processor time left",
            runbook="database-load",
        )
        self._alarms.above(
            "database-connections",
            self._cluster.metric_database_connections(statistic="Maximum", period=PERIOD),
            threshold=config.database_connections,
            description="More connections than the functions' concurrency explains",
            runbook="database-load",
        )
        self._alarms.above(
            "database-replica-lag",
            self._cluster.metric("AuroraReplicaLagMaximum", statistic="Maximum", period=PERIOD),
            threshold=config.replica_lag_ms,
            description="Readers are behind the writer",
            runbook="replica-lag",
        )

    def _api_latency_graph(self) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title="API latency (live)",
            width=HALF,
            left=[self._live.metric_latency(statistic=statistic, period=PERIOD) for statistic in ("p50", "p90", "p99")],
            right=[self._live.metric_count(statistic="Sum", period=PERIOD)],
        )

    def _api_errors_graph(self) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title="API errors (live)",
            width=HALF,
            left=[
                self._live.metric_client_error(statistic="Sum", period=PERIOD),
                self._live.metric_server_error(statistic="Sum", period=PERIOD),
            ],
        )

    def _requests_graph(self) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title="Requests and faults by colour",
            width=HALF,
            left=[self._metric("Requests", name, colour) for name in names.ROUTED for colour in Colour],
            right=[self._metric("Faults", name, colour) for name in names.ROUTED for colour in Colour],
        )

    def _outcomes_graph(self) -> cloudwatch.GraphWidget:
        dimensions = "{" + f'"{METRICS_NAMESPACE}","service","Environment","Colour","Outcome"' + "}"
        search = f'{dimensions} MetricName="Outcomes" Environment="{self.suffix}"'
        flags = search.replace("Outcomes", "Flags").replace('"Outcome"', '"Flag"')
        return cloudwatch.GraphWidget(
            title="Payments by outcome; flagged: for review, or unchecked by fraud detection",
            width=HALF,
            stacked=True,
            left=[_search(search)],
            right=[_search(flags)],
        )

    def _function_graph(self, name: str) -> cloudwatch.GraphWidget:
        aliases = [self._aliases[name, colour] for colour in Colour]
        return cloudwatch.GraphWidget(
            title=f"{name.capitalize()}: latency and errors by colour",
            width=FULL // len(names.FUNCTIONS),
            left=[alias.metric_duration(statistic="p99", period=PERIOD) for alias in aliases],
            right=[alias.metric_errors(statistic="Sum", period=PERIOD) for alias in aliases],
        )

    def _concurrency_graph(self) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title="Functions: concurrency and throttles",
            width=HALF,
            left=[
                function.metric("ConcurrentExecutions", statistic="Maximum", period=PERIOD)
                for function in self._functions.values()
            ],
            right=[function.metric_throttles(statistic="Sum", period=PERIOD) for function in self._functions.values()],
        )

    def _audit_graph(self) -> cloudwatch.GraphWidget:
        queues = [
            queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=PERIOD)
            for queue in (self._audit_failures, self._undelivered)
        ]
        return cloudwatch.GraphWidget(
            title="Queues of failures and age of the oldest event that is not in the audit trail; failed transactions",
            width=HALF,
            left=[*queues, self._failed.metric_number_of_messages_published(statistic="Sum", period=PERIOD)],
            right=[self._functions["audit"].metric("IteratorAge", statistic="Maximum", period=PERIOD)],
        )

    def _database_graph(self) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title="Database load",
            width=HALF,
            left=[self._cluster.metric_cpu_utilization(period=PERIOD)],
            right=[self._cluster.metric_serverless_database_capacity(period=PERIOD)],
        )

    def _connections_graph(self) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title="Database connections and replica lag",
            width=HALF,
            left=[self._cluster.metric_database_connections(period=PERIOD)],
            right=[self._cluster.metric("AuroraReplicaLagMaximum", period=PERIOD)],
        )


def _search(expression: str) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(expression=f"SEARCH('{expression}', 'Sum', 60)", label="", using_metrics={})
