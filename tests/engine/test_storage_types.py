"""Buckets, tables and log groups: every property of a template has its effect, and data is not lost with a stack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.engine.embedded import EmbeddedAws, StackFailedError, template

TAGS = [{"Key": "Project", "Value": "payment"}]


def bucket(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name, **more}}


def key() -> dict[str, Any]:
    allow_all = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}
    return {
        "Type": "AWS::KMS::Key",
        "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [allow_all]}, "EnableKeyRotation": True},
    }


def test_bucket_has_what_the_template_says(engine: EmbeddedAws, account: str) -> None:
    encryption = [
        {
            "BucketKeyEnabled": True,
            "ServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms",
                "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]},
            },
        }
    ]
    lifecycle = {
        "Id": "old",
        "Status": "Enabled",
        "ExpirationInDays": 400,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}],
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    audit = bucket(
        f"audit-{account}",
        Tags=TAGS,
        BucketEncryption={"ServerSideEncryptionConfiguration": encryption},
        LifecycleConfiguration={"Rules": [lifecycle]},
        LoggingConfiguration={"DestinationBucketName": {"Ref": "Logs"}, "LogFilePrefix": "audit/"},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        VersioningConfiguration={"Status": "Enabled"},
    )
    stack = engine.deploy(
        {"Key": key(), "Logs": bucket(f"logs-{account}"), "Audit": audit},
        account=account,
        outputs={"Key": {"Fn::GetAtt": ["Key", "Arn"]}},
    )
    s3, name = engine.client("s3", account=account), f"audit-{account}"

    assert TAGS[0] in s3.get_bucket_tagging(Bucket=name)["TagSet"]
    rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": stack.outputs["Key"]}
    assert rule["ApplyServerSideEncryptionByDefault"] == default
    found = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0]
    assert (found["ID"], found["Expiration"]["Days"]) == ("old", 400)
    assert found["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert found["Transitions"] == [{"Days": 90, "StorageClass": "GLACIER"}]
    assert s3.get_bucket_logging(Bucket=name)["LoggingEnabled"]["TargetBucket"] == f"logs-{account}"
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]

    stack.update(
        TemplateBody=template({"Key": key(), "Logs": bucket(f"logs-{account}"), "Audit": bucket(name)}),
    )

    with pytest.raises(s3.exceptions.ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=name)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=name)


def test_bucket_with_objects_is_not_deleted(engine: EmbeddedAws, account: str) -> None:
    name = f"kept-{account}"
    stack = engine.deploy({"Bucket": bucket(name)}, account=account)
    s3 = engine.client("s3", account=account)
    s3.put_object(Bucket=name, Key="a", Body=b"x")

    with pytest.raises(StackFailedError, match="not empty"):
        stack.delete()

    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"x"
    s3.delete_object(Bucket=name, Key="a")
    stack.delete()


def test_a_locked_version_outlives_everybody(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html#object-lock-retention-modes"""
    name = f"locked-{account}"
    locked = bucket(
        name,
        ObjectLockEnabled=True,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}},
        },
        VersioningConfiguration={"Status": "Enabled"},
    )
    stack = engine.deploy({"Bucket": {**locked, "DeletionPolicy": "Retain"}}, account=account)
    s3 = engine.client("s3", account=account)
    version = s3.put_object(Bucket=name, Key="a", Body=b"x")["VersionId"]
    overwritten = s3.put_object(Bucket=name, Key="a", Body=b"y")["VersionId"]

    until = s3.head_object(Bucket=name, Key="a", VersionId=version)["ObjectLockRetainUntilDate"]
    assert timedelta(days=399) < until - datetime.now(UTC) < timedelta(days=401)
    for attempt in (version, overwritten):
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=name, Key="a", VersionId=attempt, BypassGovernanceRetention=True)
    refused = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "a", "VersionId": version}]})
    assert [error["Code"] for error in refused["Errors"]] == ["AccessDenied"]
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.put_object_retention(
            Bucket=name,
            Key="a",
            VersionId=version,
            Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until - timedelta(days=1)},
        )

    stack.delete()
    assert s3.get_object(Bucket=name, Key="a", VersionId=version)["Body"].read() == b"x"


def test_a_template_cannot_unlock_a_bucket(engine: EmbeddedAws, account: str) -> None:
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    stack = engine.deploy({"Bucket": bucket(f"l-{account}", ObjectLockEnabled=True, **versioned)}, account=account)

    with pytest.raises(StackFailedError, match="cannot be disabled"):
        stack.update(TemplateBody=template({"Bucket": bucket(f"l-{account}", **versioned)}))

    s3 = engine.client("s3", account=account)
    lock = s3.get_object_lock_configuration(Bucket=f"l-{account}")["ObjectLockConfiguration"]
    assert lock == {"ObjectLockEnabled": "Enabled"}


def test_kms_without_a_key_id_means_the_managed_key(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html"""
    s3 = engine.client("s3", account=account)
    s3.create_bucket(Bucket=f"managed-{account}")

    s3.put_object(Bucket=f"managed-{account}", Key="a", Body=b"x", ServerSideEncryption="aws:kms")

    assert s3.head_object(Bucket=f"managed-{account}", Key="a")["ServerSideEncryption"] == "aws:kms"


def table(**more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "transactions",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            **more,
        },
    }


def test_table_has_what_the_template_says(engine: EmbeddedAws, account: str) -> None:
    full = table(
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7},
        TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True},
        SSESpecification={
            "SSEEnabled": True,
            "SSEType": "KMS",
            "KMSMasterKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
        },
        StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    stack = engine.deploy(
        {"Key": key(), "Table": full},
        account=account,
        outputs={"Key": {"Fn::GetAtt": ["Key", "Arn"]}, "Stream": {"Fn::GetAtt": ["Table", "StreamArn"]}},
    )
    client = engine.client("dynamodb", account=account)

    recovery = client.describe_continuous_backups(TableName="transactions")["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    expiry = client.describe_time_to_live(TableName="transactions")["TimeToLiveDescription"]
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "expires_at")
    described = client.describe_table(TableName="transactions")["Table"]
    assert described["SSEDescription"]["KMSMasterKeyArn"] == stack.outputs["Key"]
    assert described["LatestStreamArn"] == stack.outputs["Stream"]
    assert described["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"

    stack.update(TemplateBody=template({"Key": key(), "Table": table()}))

    recovery = client.describe_continuous_backups(TableName="transactions")["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    assert client.describe_time_to_live(TableName="transactions")["TimeToLiveDescription"]["TimeToLiveStatus"] in (
        "DISABLED",
        "DISABLING",
    )


def test_protected_table_is_not_deleted(engine: EmbeddedAws, account: str) -> None:
    stack = engine.deploy({"Table": table(DeletionProtectionEnabled=True)}, account=account)

    with pytest.raises(StackFailedError, match="protected against deletion"):
        stack.delete()

    assert engine.client("dynamodb", account=account).describe_table(TableName="transactions")


def test_log_group_keeps_its_key_and_retention(engine: EmbeddedAws, account: str) -> None:
    group = {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {
            "LogGroupName": "/payment/x",
            "RetentionInDays": 90,
            "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]},
        },
    }
    stack = engine.deploy(
        {"Key": key(), "Group": group}, account=account, outputs={"Key": {"Fn::GetAtt": ["Key", "Arn"]}}
    )

    found = engine.client("logs", account=account).describe_log_groups(logGroupNamePrefix="/payment/x")["logGroups"][0]

    assert (found["retentionInDays"], found["kmsKeyId"]) == (90, stack.outputs["Key"])


def test_hmac_keys_make_codes(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html"""
    hmac = key()
    hmac["Properties"] = {
        "KeySpec": "HMAC_256",
        "KeyUsage": "GENERATE_VERIFY_MAC",
        "KeyPolicy": hmac["Properties"]["KeyPolicy"],
    }
    alias = {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/print", "TargetKeyId": {"Ref": "Key"}}}
    engine.deploy({"Key": hmac, "Alias": alias}, account=account)
    kms = engine.client("kms", account=account)
    arguments = {"KeyId": "alias/print", "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}

    mac = kms.generate_mac(**arguments)["Mac"]

    assert kms.generate_mac(**arguments)["Mac"] == mac
    assert kms.verify_mac(**arguments, Mac=mac)["MacValid"]
