"""The keys, the topics that people are told through, and the record of the network's traffic."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from release import names
from stages.configuration import Environment, NotificationConfig
from stages.constructs.customer_key import CustomerKey, FingerprintKey
from stages.constructs.failure_queue import FailureQueue
from stages.constructs.flow_log import VpcFlowLog
from stages.constructs.key_access import allow_alarms, allow_functions, allow_tables, allow_topics_to_encrypt
from stages.constructs.payment_layer import PaymentLayer
from stages.constructs.subscriptions import Subscriptions, allow_topics
from stages.constructs.topic import PaymentTopic
from stages.network import NetworkStack


class SecurityStack(PaymentLayer):
    """One key per kind of data, so that access to one opens no other."""

    def __init__(self, scope: Construct, *, environment: Environment, network: NetworkStack) -> None:
        super().__init__(scope, "security", environment=environment)
        suffix = environment.suffix
        keep = environment.storage.keep_on_teardown
        self.data_key = self._key("DataKey", "data", "database and tables", keep=keep)
        allow_tables(self.data_key)
        self.audit_key = self._key("AuditKey", "audit", "audit records", keep=keep)
        self.logs_key = network.logs_key
        self.configuration_key = self._key("ConfigurationKey", "configuration", "functions' environments", keep=False)
        allow_functions(
            self.configuration_key,
            function_names=[names.function(suffix, name) for name in (*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS)],
        )
        self.messages_key = self._key("MessagesKey", "messages", "notifications", keep=False)
        allow_alarms(self.messages_key)
        allow_topics_to_encrypt(self.messages_key)
        self.fingerprint_key = FingerprintKey(
            self, "FingerprintKey", suffix=suffix, user_role=names.function(suffix, "validation"), keep=keep
        )
        self._add_topics()
        self._subscribe(environment.notifications)
        VpcFlowLog(
            self,
            "FlowLog",
            suffix=suffix,
            vpc=network.vpc,
            key=self.logs_key,
            retention_days=environment.network.log_retention_days,
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
                "UndeliveredQueueUrl": self.undelivered.queue_url,
            }
        )

    def _key(self, construct_id: str, role: str, protects: str, *, keep: bool) -> CustomerKey:
        return CustomerKey(self, construct_id, suffix=self.suffix, role=role, protects=protects, keep=keep)

    def _add_topics(self) -> None:
        self.alerts = PaymentTopic(
            self,
            "Alerts",
            name=names.alerts_topic(self.suffix),
            display_name=f"Payment alerts, {self.suffix}",
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
            name=names.failed_transactions_topic(self.suffix),
            display_name=f"Failed payments, {self.suffix}",
            key=self.messages_key,
        )

    def _subscribe(self, notifications: NotificationConfig) -> None:
        """What nobody takes in is kept: notifications here, and events of functions that nobody waits for."""
        self.undelivered = FailureQueue(
            self, "Undelivered", name=names.resource(self.suffix, "undelivered"), key=self.messages_key
        )
        allow_topics(
            self.undelivered,
            topic_names=[names.alerts_topic(self.suffix), names.failed_transactions_topic(self.suffix)],
        )
        Subscriptions(
            self,
            "AlertsSubscriptions",
            topic=self.alerts,
            endpoints=notifications.alerts,
            dead_letters=self.undelivered,
        )
        Subscriptions(
            self,
            "FailedTransactionsSubscriptions",
            topic=self.failed_transactions,
            endpoints=notifications.failed_transactions,
            dead_letters=self.undelivered,
            # What has crashed. The client or the sweeper repeats the others; alarms count them, and what stays open.
            filter_for_people={"retryable": [False]},
        )
