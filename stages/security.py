"""The keys, and the topics that people are told through."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from release import names
from stages.constructs.customer_key import CustomerKey, FingerprintKey, allow_alarms, allow_logs, allow_tables
from stages.constructs.payment_layer import PaymentLayer
from stages.constructs.topic import PaymentTopic
from stages.environments import Environment


class SecurityStack(PaymentLayer):
    """One key per kind of data, so that access to one opens no other."""

    def __init__(self, scope: Construct, *, environment: Environment) -> None:
        super().__init__(scope, "security", environment=environment)
        suffix = environment.suffix
        keep = environment.storage.keep_on_teardown

        self.data_key = CustomerKey(
            self, "DataKey", suffix=suffix, role="data", protects="database and tables", keep=keep
        )
        allow_tables(self.data_key)
        self.audit_key = CustomerKey(self, "AuditKey", suffix=suffix, role="audit", protects="audit records", keep=keep)
        self.logs_key = CustomerKey(self, "LogsKey", suffix=suffix, role="logs", protects="log groups", keep=keep)
        allow_logs(
            self.logs_key,
            log_group_patterns=[
                names.log_group(suffix, "*"),
                f"/aws/rds/cluster/{names.database_cluster(suffix)}/*",
                f"aws-waf-logs-{names.prefix(suffix)}",
            ],
        )
        self.messages_key = CustomerKey(
            self, "MessagesKey", suffix=suffix, role="messages", protects="notifications", keep=False
        )
        allow_alarms(self.messages_key)
        self.fingerprint_key = FingerprintKey(
            self, "FingerprintKey", suffix=suffix, user_role=names.function(suffix, "validation"), keep=keep
        )

        self.alerts = PaymentTopic(
            self,
            "Alerts",
            name=names.alerts_topic(suffix),
            display_name=f"Payment alerts, {suffix}",
            key=self.messages_key,
        )
        self.alerts.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.alerts.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        self.failed_transactions = PaymentTopic(
            self,
            "FailedTransactions",
            name=names.failed_transactions_topic(suffix),
            display_name=f"Failed payments, {suffix}",
            key=self.messages_key,
        )

        self.publish(
            {
                "fingerprint-key-id": self.fingerprint_key.key_id,
                "alerts-topic-arn": self.alerts.topic_arn,
                "failed-transactions-topic-arn": self.failed_transactions.topic_arn,
            }
        )
        self.outputs(
            {
                "AlertsTopicArn": self.alerts.topic_arn,
                "FailedTransactionsTopicArn": self.failed_transactions.topic_arn,
                "EnvironmentSuffix": suffix,
            }
        )
