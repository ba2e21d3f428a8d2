"""Buckets for audit records and for the logs of who read them."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from release import names
from stages.constructs.nag import acknowledge
from stages.constructs.payment_layer import data_removal_policy
from stages.environments import StorageConfig

LOAD_BALANCER_PREFIX = "load-balancer"
ONE_REGION = "The whole system runs in one region; nothing in another could use a replica"


class AccessLogsBucket(s3.Bucket):
    """Where S3 and the load balancer write who asked for what."""

    def __init__(self, scope: Construct, construct_id: str, *, suffix: str, config: StorageConfig) -> None:
        stack = Stack.of(scope)
        super().__init__(
            scope,
            construct_id,
            bucket_name=names.access_logs_bucket(suffix, stack.account),
            encryption=s3.BucketEncryption.S3_MANAGED,
            **_protection(config),
        )
        acknowledge(self, pci="S3BucketReplicationEnabled", reason=ONE_REGION)
        acknowledge(
            self,
            pci="S3DefaultEncryptionKMS",
            reason="Load balancers deliver access logs only to buckets encrypted with SSE-S3",
        )
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LoadBalancerLogs",
                principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[self.arn_for_objects(f"{LOAD_BALANCER_PREFIX}/AWSLogs/{stack.account}/*")],
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )


class AuditBucket(s3.Bucket):
    """Audit records: at hand for 90 days, then archived and still readable at once, then expired."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        config: StorageConfig,
        key: kms.IKey,
        access_logs: s3.IBucket,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            bucket_name=names.audit_bucket(suffix, Stack.of(scope).account),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix="audit/",
            **_protection(config),
        )
        acknowledge(self, pci="S3BucketReplicationEnabled", reason=ONE_REGION)


def _protection(config: StorageConfig) -> dict[str, object]:
    keep = config.keep_on_teardown
    return {
        "versioned": True,
        "enforce_ssl": True,
        "minimum_tls_version": 1.2,
        "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
        "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        "lifecycle_rules": [_lifecycle(config)],
        "removal_policy": data_removal_policy(keep=keep),
        "auto_delete_objects": not keep,
    }


def _lifecycle(config: StorageConfig) -> s3.LifecycleRule:
    archive, expire = Duration.days(config.archive_after_days), Duration.days(config.expire_after_days)
    storage_class = s3.StorageClass.GLACIER_INSTANT_RETRIEVAL
    return s3.LifecycleRule(
        id="archive-then-expire",
        transitions=[s3.Transition(storage_class=storage_class, transition_after=archive)],
        expiration=expire,
        noncurrent_version_transitions=[
            s3.NoncurrentVersionTransition(storage_class=storage_class, transition_after=archive)
        ],
        noncurrent_version_expiration=expire,
        abort_incomplete_multipart_upload_after=Duration.days(7),
    )
