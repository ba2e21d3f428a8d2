"""The relational database."""

from aws_cdk import Duration, SecretValue
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from release import names
from stages.configuration import DatabaseConfig
from stages.constructs.log_group import PaymentLogGroup
from stages.constructs.nag import acknowledge
from stages.constructs.payment_layer import data_removal_policy

ENGINE = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_16_13)
ADMINISTRATOR = "payment_admin"
DATABASE_NAME = "payments"
PORT = 5432


class PaymentDatabase(Construct):
    """Aurora PostgreSQL, Serverless v2: a writer and readers in other zones, TLS only, in isolated subnets.

    The administrator's password is read from the environment's existing secret when the stack deploys; the secret
    itself is not touched.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        config: DatabaseConfig,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        key: kms.IKey,
        logs_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        name = names.database_cluster(suffix)
        # Made here, before RDS makes it by itself without key and end.
        log_group = PaymentLogGroup(
            self,
            "LogGroup",
            name=f"/aws/rds/cluster/{name}/postgresql",
            key=logs_key,
            retention_days=config.log_retention_days,
        )
        # The advanced mode demands these fifteen months, of the cluster and of each instance.
        insights = (
            rds.PerformanceInsightRetention.MONTHS_15
            if config.advanced_insights
            else rds.PerformanceInsightRetention.DEFAULT
        )
        self.cluster = rds.DatabaseCluster(
            self,
            "Cluster",
            cluster_identifier=name,
            engine=ENGINE,
            credentials=rds.Credentials.from_password(
                ADMINISTRATOR,
                SecretValue.secrets_manager(names.database_admin_secret(suffix), json_field="password"),
            ),
            default_database_name=DATABASE_NAME,
            port=PORT,
            writer=self._instance(f"{name}-writer", "Writer", scales_with_writer=True, key=key, insights=insights),
            readers=[
                self._instance(
                    f"{name}-reader-{number}",
                    f"Reader{number}",
                    scales_with_writer=number == 1,
                    key=key,
                    insights=insights,
                )
                for number in range(1, config.readers + 1)
            ],
            serverless_v2_min_capacity=config.minimum_acu,
            serverless_v2_max_capacity=config.maximum_acu,
            vpc=vpc,
            subnet_group=rds.SubnetGroup(
                self,
                "Subnets",
                subnet_group_name=name,
                description="The isolated subnets",
                vpc=vpc,
                vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
                removal_policy=data_removal_policy(keep=False),
            ),
            security_groups=[security_group],
            parameter_group=rds.ParameterGroup(
                self,
                "Parameters",
                name=name,
                engine=ENGINE,
                description="TLS only, connections logged",
                parameters={"rds.force_ssl": "1", "log_connections": "1", "log_disconnections": "1"},
            ),
            storage_encrypted=True,
            storage_encryption_key=key,
            backup=rds.BackupProps(retention=Duration.days(config.backup_days)),
            copy_tags_to_snapshot=True,
            iam_authentication=True,
            cloudwatch_logs_exports=["postgresql"],
            enable_performance_insights=True,
            performance_insight_encryption_key=key,
            performance_insight_retention=insights,
            database_insights_mode=(
                rds.DatabaseInsightsMode.ADVANCED if config.advanced_insights else rds.DatabaseInsightsMode.STANDARD
            ),
            deletion_protection=config.deletion_protection,
            removal_policy=data_removal_policy(keep=config.deletion_protection),
        )
        self.cluster.node.add_dependency(log_group)
        if not config.deletion_protection:
            acknowledge(
                self.cluster,
                aws="RDS10",
                reason="The environment holds test data only and is meant to be destroyed with its stacks",
            )

    @staticmethod
    def _instance(
        identifier: str,
        role: str,
        *,
        scales_with_writer: bool,
        key: kms.IKey,
        insights: rds.PerformanceInsightRetention,
    ) -> rds.IClusterInstance:
        """A reader that `scales_with_writer` has, after a failover to it, the capacity that is needed."""
        return rds.ClusterInstance.serverless_v2(
            role,
            instance_identifier=identifier,
            scale_with_writer=scales_with_writer,
            auto_minor_version_upgrade=True,
            publicly_accessible=False,
            enable_performance_insights=True,
            performance_insight_encryption_key=key,
            performance_insight_retention=insights,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
        )
