"""Where the pipeline keeps what passes between its actions, encrypted with a key of its own."""

from collections.abc import Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from pipeline.build_log import build_log
from pipeline.settings import PipelineSettings
from stages.constructs.nag import acknowledge


class ArtifactStore(Construct):
    """The artifact bucket, the key and the log group that all builds share.

    `readers` are the ARNs of roles in other accounts that read templates from the bucket.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: PipelineSettings, readers: Sequence[str]
    ) -> None:
        super().__init__(scope, construct_id)
        self.bucket_name = settings.resource(f"artifacts-{settings.account}")
        self.log_group_name = "/payment/pipeline/builds"
        self.key, self.log_group = build_log(
            self,
            owner=settings.name,
            protects="artifacts, build logs and approvals",
            log_group_name=self.log_group_name,
            retention_days=settings.log_days,
        )
        access_logs = _Bucket(
            self,
            "AccessLogs",
            name=settings.resource(f"access-logs-{settings.account}"),
            days=settings.log_days,
            encryption=s3.BucketEncryption.S3_MANAGED,
        )
        acknowledge(
            access_logs,
            pci="S3DefaultEncryptionKMS",
            reason="S3 delivers access logs only to buckets encrypted with SSE-S3.",
        )
        artifacts = _Bucket(
            self,
            "Artifacts",
            name=self.bucket_name,
            days=settings.artifact_days,
            encryption=s3.BucketEncryption.KMS,
            key=self.key,
            access_logs=access_logs,
        )
        self._admit(artifacts, readers)
        # As one that exists already, so that CDK Pipelines cannot widen the policies of bucket and key.
        self.bucket = s3.Bucket.from_bucket_attributes(
            self,
            "Existing",
            bucket_name=self.bucket_name,
            encryption_key=kms.Key.from_key_arn(self, "ExistingKey", self.key.key_arn),
        )

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


class _Bucket(s3.Bucket):
    """Private, versioned, TLS 1.2 or newer; objects expire after `days`.

    It goes with the stack only when an operator has emptied it: in the tooling account no function can delete
    whatever it likes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        days: int,
        encryption: s3.BucketEncryption,
        key: kms.IKey | None = None,
        access_logs: s3.IBucket | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            bucket_name=name,
            encryption=encryption,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix="artifacts/" if access_logs else None,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(days),
                    noncurrent_version_expiration=Duration.days(7),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            self,
            pci="S3BucketReplicationEnabled",
            reason="An artifact is built again from its commit and a replica in another region has no reader.",
        )
