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


class MonitoringStack(PaymentLayer):
    """A dashboard and alarms on latency, errors and the database."""

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
        self._cluster = data.database.cluster
        self._alarms = PaymentAlarms(self, "Alarms", suffix=environment.suffix, topic=security.alerts)
        self._alarm_on_api(environment.alarms)
        self._alarm_on_functions(environment.alarms)
        self._alarm_on_database(environment.alarms)
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
            ],
        )
        self.outputs({"DashboardName": dashboard.dashboard_name})

    def _alarm_on_api(self, config: AlarmConfig) -> None:
        self._alarms.above(
            "api-latency-p99",
            self._live.metric_latency(statistic="p99", period=PERIOD),
            threshold=config.latency_p99_ms,
            description="One in a hundred live requests is slower than promised",
        )
        self._alarms.above(
            "api-errors",
            self._live.metric_server_error(statistic="Sum", period=PERIOD),
            threshold=config.errors_per_minute,
            description="Live requests are answered with 5xx",
        )

    def _alarm_on_functions(self, config: AlarmConfig) -> None:
        for (name, colour), alias in self._aliases.items():
            self._alarms.above(
                f"{name}-{colour.value}-latency-p99",
                alias.metric_duration(statistic="p99", period=PERIOD),
                threshold=config.latency_p99_ms,
                description=f"The {colour.value} {name} function is slower than promised",
            )
            self._alarms.above(
                f"{name}-{colour.value}-errors",
                alias.metric_errors(statistic="Sum", period=PERIOD),
                threshold=config.errors_per_minute,
                description=f"The {colour.value} {name} function fails",
            )

            if name in names.ROUTED:
                self._alarms.above(
                    f"{name}-{colour.value}-faults",
                    self._metric("Faults", name, colour, period=RELEASE_PERIOD),
                    threshold=config.faults_per_ten_seconds,
                    description=f"The {colour.value} {name} function answers with 5xx",
                )

    def _metric(self, metric: str, function: str, colour: Colour, *, period: Duration = PERIOD) -> cloudwatch.Metric:
        """What the functions write about themselves, per colour."""
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=metric,
            dimensions_map={"service": function, "Environment": self.suffix, "Colour": colour.value},
            statistic="Sum",
            period=period,
        )

    def _alarm_on_database(self, config: AlarmConfig) -> None:
        self._alarms.above(
            "database-cpu",
            self._cluster.metric_cpu_utilization(statistic="Average", period=PERIOD),
            threshold=config.database_cpu_percent,
            description="The database has little processor time left",
        )
        self._alarms.above(
            "database-connections",
            self._cluster.metric_database_connections(statistic="Maximum", period=PERIOD),
            threshold=config.database_connections,
            description="More connections than the functions' concurrency explains",
        )
        self._alarms.above(
            "database-replica-lag",
            self._cluster.metric("AuroraReplicaLagMaximum", statistic="Maximum", period=PERIOD),
            threshold=config.replica_lag_ms,
            description="Readers are behind the writer",
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
        return cloudwatch.GraphWidget(
            title="Payments by outcome",
            width=HALF,
            stacked=True,
            left=[cloudwatch.MathExpression(expression=f"SEARCH('{search}', 'Sum', 60)", label="", using_metrics={})],
        )

    def _function_graph(self, name: str) -> cloudwatch.GraphWidget:
        aliases = [self._aliases[name, colour] for colour in Colour]
        return cloudwatch.GraphWidget(
            title=f"{name.capitalize()}: latency and errors by colour",
            width=FULL // len(names.FUNCTIONS),
            left=[alias.metric_duration(statistic="p99", period=PERIOD) for alias in aliases],
            right=[alias.metric_errors(statistic="Sum", period=PERIOD) for alias in aliases],
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
