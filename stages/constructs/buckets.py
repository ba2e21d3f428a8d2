"""Buckets for audit records and for the logs of who read them."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from release import names
from stages.configuration import StorageConfig
from stages.constructs.nag import acknowledge
from stages.constructs.payment_layer import data_removal_policy

LOAD_BALANCER_PREFIX = "load-balancer"
_AUDIT_PREFIX = "audit/"


class PaymentBucket(s3.Bucket):
    """Private, versioned, TLS 1.2 or newer; objects are archived readable at once, and expire.

    With `key` None the bucket is encrypted with S3's own keys. Objects go with the stack unless `config` keeps them.
    For `lock_days` after it was written nobody can delete a version of an object.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        config: StorageConfig,
        key: kms.IKey | None,
        access_logs: s3.IBucket | None = None,
        lock_days: int | None = None,
    ) -> None:
        keep = config.keep_on_teardown
        super().__init__(
            scope,
            construct_id,
            bucket_name=name,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,
            versioned=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=_AUDIT_PREFIX if access_logs else None,
            object_lock_enabled=True if lock_days else None,
            object_lock_default_retention=(
                s3.ObjectLockRetention.compliance(Duration.days(lock_days)) if lock_days else None
            ),
            lifecycle_rules=[_lifecycle(config)],
            removal_policy=data_removal_policy(keep=keep),
            auto_delete_objects=not keep,
        )
        acknowledge(
            self,
            pci="S3BucketReplicationEnabled",
            reason="The whole system runs in one region; nothing in another could use a replica",
        )


class AccessLogsBucket(PaymentBucket):
    """Where S3 and the load balancer write who asked for what."""

    def __init__(self, scope: Construct, construct_id: str, *, suffix: str, config: StorageConfig) -> None:
        account = Stack.of(scope).account
        super().__init__(scope, construct_id, name=names.access_logs_bucket(suffix, account), config=config, key=None)
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="LoadBalancerLogs",
                principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[self.arn_for_objects(f"{LOAD_BALANCER_PREFIX}/AWSLogs/{account}/*")],
            )
        )
        acknowledge(
            self,
            pci="S3DefaultEncryptionKMS",
            reason="Load balancers deliver access logs only to buckets encrypted with SSE-S3",
        )


class AuditBucket(PaymentBucket):
    """Audit records and nothing else: at hand for 90 days, then archived and still readable at once, then expired.

    Access logs have a bucket of their own: S3 delivers none to a bucket that locks what it gets.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        config: StorageConfig,
        key: kms.IKey,
        access_logs: AccessLogsBucket,
    ) -> None:
        name = names.audit_bucket(suffix, Stack.of(scope).account)
        super().__init__(
            scope,
            construct_id,
            name=name,
            config=config,
            key=key,
            access_logs=access_logs,
            lock_days=config.lock_days,
        )


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
