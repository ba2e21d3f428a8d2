"""The functions: three that are released by colour, one each for secrets, the schema and the audit trail."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from release import names
from stages.configuration import Environment
from stages.constructs.audit_trail import AuditTrail
from stages.constructs.coloured_function import ColouredFunction
from stages.constructs.dependency_layer import DependencyLayer
from stages.constructs.failure_queue import FailureQueue
from stages.constructs.nag import acknowledge
from stages.constructs.payment_function import FunctionPlatform, PaymentFunction
from stages.constructs.payment_layer import PaymentLayer
from stages.constructs.release_state import ReleaseState
from stages.data import DataStack
from stages.function_permissions import FunctionPermissions
from stages.network import NetworkStack
from stages.security import SecurityStack

PACKAGES = {
    "validation": "payment_validation",
    "processing": "transaction_processing",
    "fraud": "fraud_detection",
    "rotation": "secret_rotation",
    "migration": "schema_migration",
    "sweeper": "transaction_processing",
    "audit": "audit_writer",
}
# The API gives up after 10 s. Validation outlives processing, and processing the score, by what it takes to be told.
TIMEOUTS = {
    "validation": Duration.seconds(9),
    "processing": Duration.seconds(6),
    "fraud": Duration.seconds(3),
    "rotation": Duration.seconds(60),
    "migration": Duration.seconds(300),
    "sweeper": Duration.seconds(60),
    "audit": Duration.seconds(60),
}
TUNABLES = {
    "velocity-limit-per-card": "5",
    "velocity-limit-per-customer": "20",
    "velocity-limit-per-address": "1000",
    "velocity-window-seconds": "60",
    "fraud-amount-high-minor": "500000",
    "fraud-review-score": "65",
    "fraud-decline-score": "75",
    "fraud-budget-milliseconds": "100",
    "fraud-open-up-to-minor": "10000",
    "amount-maximum-minor": "1000000",
    # Their minor units are worth far less than a cent. About as much as the above is of dollars.
    "amount-maximum-by-currency": "COP=4000000000 HUF=350000000 IDR=16000000000 KRW=14000000 VND=250000000",
    "authorization-expires-days": "7",
}
ROTATION_DAYS = 30
EVENT_AGE_SECONDS = 300


class ComputeStack(PaymentLayer):
    """All versions and aliases of a release are in this one stack: a version cannot cross a stack's border."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        network: NetworkStack,
        security: SecurityStack,
        data: DataStack,
    ) -> None:
        super().__init__(scope, "compute", environment=environment)
        self._provisioned = environment.release.provisioned_concurrency
        suffix = environment.suffix
        self._platform = FunctionPlatform(
            suffix=suffix,
            config=environment.compute,
            vpc=network.vpc,
            egress_over_ipv6=environment.network.egress_over_ipv6,
            security_group=network.functions_group,
            layer=DependencyLayer(self, "Dependencies", suffix=suffix),
            logs_key=security.logs_key,
            configuration_key=security.configuration_key,
            processor=environment.processor,
        )
        permissions = FunctionPermissions(data=data, security=security)
        self.coloured = {
            "validation": self._coloured("validation", permissions.validation()),
            "processing": self._coloured("processing", permissions.processing()),
            "fraud": self._coloured("fraud", permissions.fraud()),
        }
        self._add_colours()
        self.rotation = self._plain(
            "rotation",
            permissions.rotation(),
            {"SECRET_ARN": data.app_secret_arn, "ADMIN_SECRET_ARN": data.admin_secret_arn},
        )
        self.migration = self._plain("migration", permissions.migration())
        self._schedule_rotation()
        self.sweeper = self._plain("sweeper", permissions.sweeper(), module="sweep")
        self._schedule_sweeps()
        # What these do is done again at the next minute, or at Secrets Manager's next try: late events are no use.
        for name, function in {"Rotation": self.rotation, "Sweeper": self.sweeper}.items():
            lambda_.CfnEventInvokeConfig(
                self,
                f"{name}Events",
                function_name=function.function.function_name,
                qualifier="$LATEST",
                maximum_event_age_in_seconds=EVENT_AGE_SECONDS,
                maximum_retry_attempts=1,
                destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                    on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(
                        destination=security.undelivered.queue_arn
                    )
                ),
            ).node.add_dependency(function.policy)
        self.audit_failures = FailureQueue(
            self, "AuditFailures", name=names.audit_failures_queue(suffix), key=security.messages_key
        )
        self.audit = self._plain("audit", permissions.audit(self.audit_failures))
        acknowledge(
            self.audit.policy,
            aws=f"IAM5[Resource::{permissions.audit_records}]",
            reason="An object is named after its payment and the event's version, which are not known before",
        )
        AuditTrail(
            self,
            "AuditTrail",
            stream_arn=str(data.transactions.table_stream_arn),
            function=self.audit.function,
            failures=self.audit_failures,
        )
        self.publish(
            {
                "processing-function-name": names.function(suffix, "processing"),
                "fraud-function-name": names.function(suffix, "fraud"),
                **TUNABLES,
            }
        )
        self._publish_outputs()

    def _coloured(self, name: str, statements: list[iam.PolicyStatement]) -> ColouredFunction:
        return ColouredFunction(
            self,
            name.capitalize(),
            name=name,
            package=PACKAGES[name],
            platform=self._platform,
            timeout=TIMEOUTS[name],
            statements=statements,
        )

    def _plain(
        self,
        name: str,
        statements: list[iam.PolicyStatement],
        environment: dict[str, str] | None = None,
        *,
        module: str = "handler",
    ) -> PaymentFunction:
        return PaymentFunction(
            self,
            name.capitalize(),
            name=name,
            package=PACKAGES[name],
            platform=self._platform,
            timeout=TIMEOUTS[name],
            statements=statements,
            environment=environment,
            module=module,
        )

    def _add_colours(self) -> None:
        state = ReleaseState(self, "Release", suffix=self.suffix)
        same_release = state.same_release({name: function.release_id for name, function in self.coloured.items()})
        for function in self.coloured.values():
            function.add_colours(state, same_release=same_release)

    def _schedule_rotation(self) -> None:
        """On the existing secret; the first rotation waits for its day, when the migrations have made the users."""
        permission = lambda_.CfnPermission(
            self,
            "RotationPermission",
            action="lambda:InvokeFunction",
            function_name=self.rotation.function.function_arn,
            principal="secretsmanager.amazonaws.com",
            source_account=self.account,
        )
        schedule = secretsmanager.CfnRotationSchedule(
            self,
            "RotationSchedule",
            secret_id=names.database_app_secret(self.suffix),
            rotation_lambda_arn=self.rotation.function.function_arn,
            rotate_immediately_on_update=False,
            rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                automatically_after_days=ROTATION_DAYS
            ),
        )
        schedule.add_resource_dependency(permission)

    def _schedule_sweeps(self) -> None:
        """As often as a schedule can; a run goes on while a payment waits, so none does for longer than a minute."""
        rule = events.CfnRule(
            self,
            "Sweeps",
            name=names.resource(self.suffix, "sweeps"),
            description="Settles payments that nobody is settling any more",
            schedule_expression="rate(1 minute)",
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="Sweeper", arn=self.sweeper.function.function_arn)],
        )
        lambda_.CfnPermission(
            self,
            "SweepsPermission",
            action="lambda:InvokeFunction",
            function_name=self.sweeper.function.function_arn,
            principal="events.amazonaws.com",
            source_account=self.account,
            source_arn=rule.attr_arn,
        )

    def _publish_outputs(self) -> None:
        values = {
            "PaymentValidationFunctionName": names.function(self.suffix, "validation"),
            "FraudDetectionFunctionName": names.function(self.suffix, "fraud"),
            "TransactionProcessingFunctionName": names.function(self.suffix, "processing"),
            "MigrationFunctionName": names.function(self.suffix, "migration"),
            "RotationFunctionName": names.function(self.suffix, "rotation"),
            "SweeperFunctionName": names.function(self.suffix, "sweeper"),
            "AuditFunctionName": names.function(self.suffix, "audit"),
            "AuditFailuresQueueUrl": self.audit_failures.queue_url,
        }
        for name, function in self.coloured.items():
            values[f"{name.capitalize()}ReleaseVersion"] = function.version.version
            values[f"{name.capitalize()}ReleaseId"] = function.release_id
            provisioned = self._provisioned.get(name, 0)
            values[names.provisioned_concurrency_output(name)] = str(provisioned)
        self.outputs(values)
