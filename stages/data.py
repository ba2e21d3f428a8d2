"""Everything that outlives a release: database, tables, audit records."""

from aws_cdk import Token
from constructs import Construct

from release import names
from stages.configuration import Environment
from stages.constructs.buckets import AccessLogsBucket, AuditBucket
from stages.constructs.database import DATABASE_NAME, PaymentDatabase
from stages.constructs.library_functions import log_library_functions
from stages.constructs.payment_layer import PaymentLayer
from stages.constructs.payment_table import Index, PaymentTable
from stages.network import NetworkStack
from stages.security import SecurityStack

TRANSACTION_INDEXES = (
    Index(name="by-customer", partition_key="customer_key", sort_key="created_at"),
    Index(name="by-merchant-day", partition_key="merchant_day_shard", sort_key="created_at"),
    # Sparse: only payments in a non-terminal state carry the attribute.
    Index(name="open-payments", partition_key="open_shard", sort_key="created_at"),
)


class DataStack(PaymentLayer):
    """Aurora for customers, DynamoDB for payments, S3 for the audit trail."""

    def __init__(
        self, scope: Construct, *, environment: Environment, network: NetworkStack, security: SecurityStack
    ) -> None:
        super().__init__(scope, "data", environment=environment)
        suffix, keep = environment.suffix, environment.storage.keep_on_teardown
        self.audit_lock_days = environment.storage.lock_days or 0

        self.database = PaymentDatabase(
            self,
            "Database",
            suffix=suffix,
            config=environment.database,
            vpc=network.vpc,
            security_group=network.database_group,
            key=security.data_key,
            logs_key=security.logs_key,
        )
        key = security.data_key
        self.transactions = PaymentTable(
            self,
            "Transactions",
            name=names.table(suffix, "transactions"),
            key=key,
            keep=keep,
            sort_key="sk",
            indexes=TRANSACTION_INDEXES,
            stream=True,
        )
        self.idempotency = PaymentTable(
            self, "Idempotency", name=names.table(suffix, "idempotency"), key=key, keep=keep
        )
        self.velocity = PaymentTable(self, "Velocity", name=names.table(suffix, "velocity"), key=key, keep=keep)
        self.access_logs = AccessLogsBucket(self, "AccessLogs", suffix=suffix, config=environment.storage)
        self.audit = AuditBucket(
            self,
            "Audit",
            suffix=suffix,
            config=environment.storage,
            key=security.audit_key,
            access_logs=self.access_logs,
        )

        log_library_functions(
            self,
            name=names.log_group(suffix, "library-data"),
            key=security.logs_key,
            retention_days=environment.database.log_retention_days,
        )
        self._publish_configuration()
        self._publish_outputs()

    @property
    def admin_secret_arn(self) -> str:
        return self._secret_arn(names.database_admin_secret(self.suffix))

    @property
    def app_secret_arn(self) -> str:
        return self._secret_arn(names.database_app_secret(self.suffix))

    def _secret_arn(self, name: str) -> str:
        """Without the six random characters that Secrets Manager appends: it resolves such an ARN like a name."""
        return f"arn:aws:secretsmanager:{self.region}:{self.account}:secret:{name}"

    def _publish_configuration(self) -> None:
        cluster = self.database.cluster
        self.publish(
            {
                "transactions-table-name": self.transactions.table_name,
                "idempotency-table-name": self.idempotency.table_name,
                "velocity-table-name": self.velocity.table_name,
                "audit-bucket-name": self.audit.bucket_name,
                "database-host": cluster.cluster_endpoint.hostname,
                "database-reader-host": cluster.cluster_read_endpoint.hostname,
                "database-port": Token.as_string(cluster.cluster_endpoint.port),
                "database-name": DATABASE_NAME,
                "database-ssl-mode": "require",
                "database-secret-arn": self.app_secret_arn,
                "database-admin-secret-arn": self.admin_secret_arn,
            }
        )

    def _publish_outputs(self) -> None:
        cluster = self.database.cluster
        self.outputs(
            {
                "TransactionsTableName": self.transactions.table_name,
                "IdempotencyTableName": self.idempotency.table_name,
                "VelocityTableName": self.velocity.table_name,
                "AuditBucketName": self.audit.bucket_name,
                "AuditLockDays": str(self.audit_lock_days),
                "DatabaseClusterIdentifier": cluster.cluster_identifier,
                "DatabaseClusterEndpoint": cluster.cluster_endpoint.hostname,
                "DatabaseReaderEndpoint": cluster.cluster_read_endpoint.hostname,
                "DatabaseSecretArn": self.app_secret_arn,
            }
        )
