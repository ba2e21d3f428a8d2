"""What wakes people, and what they look at then."""

from constructs import Construct

from release import names
from release.names import Colour
from stages.api import ApiStack
from stages.compute import ComputeStack
from stages.configuration import AlarmConfig, Environment
from stages.constructs.alarms import PERIOD, RELEASE_PERIOD, PaymentAlarms
from stages.constructs.dashboard import PaymentDashboard
from stages.constructs.observed import Observed
from stages.constructs.payment_layer import PaymentLayer
from stages.data import DataStack
from stages.security import SecurityStack

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
        self._observed = Observed(
            suffix=environment.suffix,
            live=api.rest.stages[names.LIVE_STAGE],
            aliases={
                (name, colour): function.aliases[colour]
                for name, function in compute.coloured.items()
                for colour in Colour
            },
            functions={
                **{name: function.function for name, function in compute.coloured.items()},
                "rotation": compute.rotation.function,
                "migration": compute.migration.function,
                "audit": compute.audit.function,
                "sweeper": compute.sweeper.function,
            },
            queues={"audit-failures": compute.audit_failures, "undelivered": security.undelivered},
            failed_transactions=security.failed_transactions,
            cluster=data.database.cluster,
        )
        self._alarms = PaymentAlarms(self, "Alarms", suffix=environment.suffix, topic=security.alerts)
        self._alarm_on_api(environment.alarms)
        self._alarm_on_functions(environment.alarms)
        self._alarm_on_database(environment.alarms)
        self._alarm_on_payments(environment.alarms)
        self._alarm_on_throttles()
        self._alarm_on_what_nobody_waits_for()
        dashboard = PaymentDashboard(self, "Dashboard", observed=self._observed, alarms=self._alarms.all)
        self.outputs({"DashboardName": dashboard.dashboard_name})

    def _alarm_on_api(self, config: AlarmConfig) -> None:
        self._alarms.above(
            "api-latency-p99",
            self._observed.live.metric_latency(statistic="p99", period=PERIOD),
            threshold=config.latency_p99_ms,
            description="One in a hundred live requests is slower than promised",
            runbook="latency",
        )
        self._alarms.above(
            "api-errors",
            self._observed.live.metric_server_error(statistic="Sum", period=PERIOD),
            threshold=config.errors_per_minute,
            description="Live requests are answered with 5xx",
            runbook="errors",
        )

    def _alarm_on_functions(self, config: AlarmConfig) -> None:
        for (name, colour), alias in self._observed.aliases.items():
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
        failed = self._observed.own("Faults", name, colour, period=RELEASE_PERIOD, statistic="Average")
        self._alarms.above(
            f"{name}-{colour.value}-release-errors",
            failed,
            threshold=config.release_error_percent / 100,
            description=f"The {colour.value} {name} function answers too many requests with 5xx",
            runbook="errors",
        )
        self._alarms.above(
            f"{name}-{colour.value}-release-p99",
            self._observed.own("Latency", name, colour, period=RELEASE_PERIOD, statistic="p99"),
            threshold=config.latency_p99_ms,
            description=f"The {colour.value} {name} function answers more slowly than promised",
            runbook="latency",
        )

    def _alarm_on_database(self, config: AlarmConfig) -> None:
        self._alarms.above(
            "database-cpu",
            self._observed.cluster.metric_cpu_utilization(statistic="Average", period=PERIOD),
            threshold=config.database_cpu_percent,
            description="The database has little processor time left",
            runbook="database-load",
        )
        self._alarms.above(
            "database-connections",
            self._observed.cluster.metric_database_connections(statistic="Maximum", period=PERIOD),
            threshold=config.database_connections,
            description="More connections than the functions' concurrency explains",
            runbook="database-load",
        )
        self._alarms.above(
            "database-replica-lag",
            self._observed.cluster.metric("AuroraReplicaLagMaximum", statistic="Maximum", period=PERIOD),
            threshold=config.replica_lag_ms,
            description="Readers are behind the writer",
            runbook="replica-lag",
        )

    def _alarm_on_payments(self, config: AlarmConfig) -> None:
        self._alarms.above(
            "failed-transactions",
            self._observed.failed(),
            threshold=config.failed_transactions_per_minute,
            description="Payments fail for reasons that are ours",
            runbook="failed-transactions",
        )
        self._alarms.above(
            "stuck-payments",
            self._observed.oldest_open(),
            threshold=config.open_payment_seconds,
            description="A payment has had no outcome for long, and the sweeper cannot find it out",
            runbook="failed-transactions",
        )
        for colour in Colour:
            self._alarms.above(
                f"fraud-{colour.value}-declines",
                self._observed.outcome("fraud", colour, "declined"),
                threshold=config.fraud_declines_per_minute,
                description=f"The {colour.value} fraud function declines more payments than usual",
                runbook="fraud-declines",
            )
            # One value for each payment, 1 or 0: their average is the share that nobody scored in time.
            self._alarms.above(
                f"fraud-{colour.value}-unscored",
                self._observed.own("Unscored", "processing", colour, statistic="Average"),
                threshold=config.unscored_percent / 100,
                description=f"Payments go on, or are refused, without a score of the {colour.value} fraud function",
                runbook="unscored-payments",
            )

    def _alarm_on_throttles(self) -> None:
        for name, function in self._observed.functions.items():
            self._alarms.above(
                f"{name}-throttles",
                function.metric_throttles(statistic="Sum", period=PERIOD),
                threshold=0,
                description=f"The {name} function is called more often at once than its reservation allows",
                runbook="throttles",
            )

    def _alarm_on_what_nobody_waits_for(self) -> None:
        self._alarms.above(
            "audit-failures",
            self._observed.waiting("audit-failures"),
            threshold=0,
            description="Events of payments could not be written to the audit bucket",
            runbook="audit-trail",
            at_once=True,
        )
        self._alarms.above(
            "audit-behind",
            self._observed.audit_age(),
            threshold=AUDIT_BEHIND_MS,
            description="Events of payments wait to be written to the audit bucket",
            runbook="audit-trail",
        )
        self._alarms.above(
            "rotation-errors",
            self._observed.functions["rotation"].metric_errors(statistic="Sum", period=PERIOD),
            threshold=0,
            description="A step of the database secret's rotation failed",
            runbook="secret-rotation",
            at_once=True,
        )
        self._alarms.above(
            "sweeper-errors",
            self._observed.functions["sweeper"].metric_errors(statistic="Sum", period=PERIOD),
            threshold=0,
            description="Payments that have no outcome are not settled",
            runbook="failed-transactions",
        )
        self._alarms.above(
            "undelivered",
            self._observed.waiting("undelivered"),
            threshold=0,
            description="A notification or an event for a function was given up",
            runbook="undelivered",
            at_once=True,
        )
