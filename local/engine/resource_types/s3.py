"""S3 buckets: the properties that ministack's template type drops, and no deletion of what still holds objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.engine.registry import Registry, Resource, UnsupportedPropertyError
from local.engine.resource_types.values import boolean, tags


class BucketNotEmptyError(RuntimeError):
    """S3 keeps a bucket that holds objects or versions; CloudFormation then fails the deletion."""


class ObjectLockError(RuntimeError):
    """A template takes the lock away from a bucket that has it."""


def register(registry: Registry) -> None:
    registry.after("AWS::S3::Bucket", apply_dropped_properties)
    registry.supports("AWS::S3::Bucket", PUT)
    registry.before_delete("AWS::S3::Bucket", refuse_unless_empty)


def refuse_unless_empty(resource: Resource) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html"""
    listed = resource.client("s3").list_object_versions(Bucket=resource.physical_id, MaxKeys=1)
    if listed.get("Versions") or listed.get("DeleteMarkers"):
        raise BucketNotEmptyError(
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        )


def apply_dropped_properties(resource: Resource) -> None:
    """Put every property that the template sets, remove what an update dropped."""
    client = resource.client("s3")
    for name, put in PUT.items():
        if resource.properties.get(name):
            put(client, resource.physical_id, resource.properties)
        elif resource.previous.get(name):
            REMOVE[name](client, resource.physical_id)


def _put_tags(client: Any, bucket: str, properties: Any) -> None:
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags(properties)})


def _put_encryption(client: Any, bucket: str, properties: Any) -> None:
    rules = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    client.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                    "BucketKeyEnabled": boolean(rule.get("BucketKeyEnabled")),
                }
                for rule in rules
            ]
        },
    )


def _put_ownership(client: Any, bucket: str, properties: Any) -> None:
    client.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=properties["OwnershipControls"])


def _put_logging(client: Any, bucket: str, properties: Any) -> None:
    logging = properties["LoggingConfiguration"]
    target = {
        "TargetBucket": logging.get("DestinationBucketName") or bucket,
        "TargetPrefix": logging.get("LogFilePrefix", ""),
    }
    client.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": target})


def _put_lifecycle(client: Any, bucket: str, properties: Any) -> None:
    rules = [_lifecycle_rule(rule) for rule in properties["LifecycleConfiguration"]["Rules"]]
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(rule: Any) -> dict[str, Any]:
    """CloudFormation's flat rule as the API's nested one."""
    api: dict[str, Any] = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        api["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        api["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    elif "ExpiredObjectDeleteMarker" in rule:
        api["Expiration"] = {"ExpiredObjectDeleteMarker": boolean(rule["ExpiredObjectDeleteMarker"])}
    if "Transitions" in rule:
        api["Transitions"] = [
            {"Days": int(t["TransitionInDays"]), "StorageClass": t["StorageClass"]} for t in rule["Transitions"]
        ]
    if "NoncurrentVersionExpiration" in rule:
        days = rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        api["NoncurrentVersionExpiration"] = {"NoncurrentDays": int(days)}
    if "NoncurrentVersionTransitions" in rule:
        api["NoncurrentVersionTransitions"] = [
            {"NoncurrentDays": int(t["TransitionInDays"]), "StorageClass": t["StorageClass"]}
            for t in rule["NoncurrentVersionTransitions"]
        ]
    if "AbortIncompleteMultipartUpload" in rule:
        days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        api["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(days)}
    return api


def _put_access_control(_: Any, __: str, properties: Any) -> None:
    """A private bucket is what every bucket is; other canned lists would need the object owner's ACLs back."""
    if properties["AccessControl"] != "Private":
        raise UnsupportedPropertyError("AWS::S3::Bucket: the embedded AWS has no behaviour for a public AccessControl")


def _enable_object_lock(client: Any, bucket: str, properties: Any) -> None:
    if boolean(properties["ObjectLockEnabled"]) and not properties.get("ObjectLockConfiguration"):
        client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})


def _put_object_lock(client: Any, bucket: str, properties: Any) -> None:
    given = properties["ObjectLockConfiguration"]
    configuration: dict[str, Any] = {"ObjectLockEnabled": given.get("ObjectLockEnabled", "Enabled")}
    rule = given.get("Rule")
    if rule:
        retention = rule["DefaultRetention"]
        period = {unit: int(retention[unit]) for unit in ("Days", "Years") if unit in retention}
        configuration["Rule"] = {"DefaultRetention": {"Mode": retention["Mode"], **period}}
    client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)


def _refuse_unlocking(_: Any, __: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-configure.html"""
    raise ObjectLockError("Object Lock cannot be disabled once it is enabled on a bucket")


PUT: dict[str, Callable[[Any, str, Any], None]] = {
    "AccessControl": _put_access_control,
    "Tags": _put_tags,
    "BucketEncryption": _put_encryption,
    "OwnershipControls": _put_ownership,
    "LoggingConfiguration": _put_logging,
    "LifecycleConfiguration": _put_lifecycle,
    "ObjectLockEnabled": _enable_object_lock,
    "ObjectLockConfiguration": _put_object_lock,
}
REMOVE: dict[str, Callable[[Any, str], None]] = {
    "AccessControl": lambda _, __: None,
    "Tags": lambda client, bucket: client.delete_bucket_tagging(Bucket=bucket),
    "BucketEncryption": lambda client, bucket: client.delete_bucket_encryption(Bucket=bucket),
    "OwnershipControls": lambda client, bucket: client.delete_bucket_ownership_controls(Bucket=bucket),
    "LoggingConfiguration": lambda client, bucket: client.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={}),
    "LifecycleConfiguration": lambda client, bucket: client.delete_bucket_lifecycle(Bucket=bucket),
    "ObjectLockEnabled": _refuse_unlocking,
    # The lock stays; what is written from now on is locked only if the writer says so.
    "ObjectLockConfiguration": lambda client, bucket: client.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"}
    ),
}
