"""Where the pipeline keeps what passes between its actions, encrypted with a key of its own."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from pipeline.settings import PipelineSettings
from stages.constructs.nag import acknowledge

_ONE_REGION = "The pipeline lives in one region; an artifact is rebuilt from its commit, a lost one is no lost data."


class ArtifactStore(Construct):
    """The artifact bucket, the key and the log group that all builds share.

    `readers` are the ARNs of roles in other accounts that read templates from the bucket.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: PipelineSettings, readers: Sequence[str]
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket_name = settings.resource(f"artifacts-{settings.account}")
        self.log_group_name = f"/{settings.name.replace('-', '/')}/builds"
        self.key = self._key(settings)
        artifacts = self._bucket(settings, self._access_logs(settings))
        self._admit(artifacts, readers)
        # As one that exists already, so that CDK Pipelines cannot widen the policies of bucket and key.
        self.bucket = s3.Bucket.from_bucket_attributes(
            self,
            "Existing",
            bucket_name=self.bucket_name,
            encryption_key=kms.Key.from_key_arn(self, "ExistingKey", self.key.key_arn),
        )
        self.log_group = logs.LogGroup(
            self,
            "BuildLogs",
            log_group_name=self.log_group_name,
            encryption_key=self.key,
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _bucket(self, settings: PipelineSettings, access_logs: s3.IBucket) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Artifacts",
            bucket_name=self.bucket_name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix="artifacts/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(settings.artifact_days),
                    noncurrent_version_expiration=Duration.days(7),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(bucket, pci="S3BucketReplicationEnabled", reason=_ONE_REGION)
        return bucket

    def _key(self, settings: PipelineSettings) -> kms.Key:
        key = kms.Key(
            self,
            "Key",
            alias=f"alias/{settings.name}",
            description="Artifacts, build logs and approvals of the pipeline",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="BuildLogs",
                principals=[iam.ServicePrincipal(f"logs.{settings.region}.amazonaws.com")],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
                resources=["*"],
                conditions={
                    "ArnEquals": {
                        "kms:EncryptionContext:aws:logs:arn": (
                            f"arn:aws:logs:{settings.region}:{settings.account}:log-group:{self.log_group_name}"
                        )
                    }
                },
            )
        )
        return key

    def _access_logs(self, settings: PipelineSettings) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            bucket_name=settings.resource(f"access-logs-{settings.account}"),
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(settings.log_days), noncurrent_version_expiration=Duration.days(7)
                )
            ],
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(bucket, pci="S3BucketReplicationEnabled", reason=_ONE_REGION)
        acknowledge(
            bucket,
            pci="S3DefaultEncryptionKMS",
            reason="S3 delivers access logs only to buckets encrypted with SSE-S3.",
        )
        return bucket

    def _admit(self, bucket: s3.Bucket, readers: Sequence[str]) -> None:
        principals: list[iam.IPrincipal] = [iam.ArnPrincipal(arn) for arn in readers]
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                sid="DeploymentsReadTemplates",
                principals=principals,
                actions=["s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketLocation", "s3:ListBucket"],
                resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
            )
        )
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="DeploymentsReadTemplates",
                principals=principals,
                actions=["kms:Decrypt", "kms:DescribeKey"],
                resources=["*"],
            )
        )
