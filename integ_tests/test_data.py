"""Database, tables, bucket, secrets, topics: encrypted with keys of ours, recoverable, rotated."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
import pytest

from integ_tests.environment import Deployed
from release import names

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef
    from mypy_boto3_rds.type_defs import DBClusterTypeDef

TABLES = ("transactions", "idempotency", "velocity")


@pytest.fixture(scope="module")
def cluster(session: boto3.Session, deployed: Deployed) -> "DBClusterTypeDef":
    answer = session.client("rds").describe_db_clusters(DBClusterIdentifier=deployed["DatabaseClusterIdentifier"])
    return answer["DBClusters"][0]


def assert_own_key(session: boto3.Session, key_id: str) -> None:
    """A key that the account made, not one of AWS's."""
    key = session.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]
    assert key["KeyManager"] == "CUSTOMER"
    assert key["KeyState"] == "Enabled"


def test_the_database_is_aurora_postgresql_with_a_writer_and_readers(
    cluster: "DBClusterTypeDef", deployed: Deployed
) -> None:
    assert cluster["Engine"] == "aurora-postgresql"
    assert cluster["Endpoint"] == deployed["DatabaseClusterEndpoint"]
    assert cluster["ReaderEndpoint"] == deployed["DatabaseReaderEndpoint"]
    writers = [member for member in cluster["DBClusterMembers"] if member["IsClusterWriter"]]
    assert len(writers) == 1
    assert len(cluster["DBClusterMembers"]) >= 2


def test_the_database_is_encrypted_with_a_key_of_ours(session: boto3.Session, cluster: "DBClusterTypeDef") -> None:
    assert cluster["StorageEncrypted"] is True
    assert_own_key(session, cluster["KmsKeyId"])


def test_the_database_is_backed_up(cluster: "DBClusterTypeDef") -> None:
    assert cluster["BackupRetentionPeriod"] >= 1


def test_no_database_instance_is_public(session: boto3.Session, cluster: "DBClusterTypeDef") -> None:
    client = session.client("rds")
    for member in cluster["DBClusterMembers"]:
        answer = client.describe_db_instances(DBInstanceIdentifier=member["DBInstanceIdentifier"])
        assert answer["DBInstances"][0]["PubliclyAccessible"] is False


@pytest.fixture(scope="module", params=TABLES)
def table(request: pytest.FixtureRequest, session: boto3.Session, deployed: Deployed) -> "TableDescriptionTypeDef":
    name = names.table(deployed.suffix, request.param)
    return session.client("dynamodb").describe_table(TableName=name)["Table"]


def test_tables_are_encrypted_with_a_key_of_ours(session: boto3.Session, table: "TableDescriptionTypeDef") -> None:
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["SSEDescription"]["SSEType"] == "KMS"
    assert_own_key(session, table["SSEDescription"]["KMSMasterKeyArn"])


def test_tables_can_be_restored_to_any_second(session: boto3.Session, table: "TableDescriptionTypeDef") -> None:
    answer = session.client("dynamodb").describe_continuous_backups(TableName=table["TableName"])
    recovery = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_tables_forget_what_has_expired(session: boto3.Session, table: "TableDescriptionTypeDef") -> None:
    answer = session.client("dynamodb").describe_time_to_live(TableName=table["TableName"])
    description = answer["TimeToLiveDescription"]
    assert description["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    assert description["AttributeName"] == "expires_at"


def test_payments_can_be_found_by_customer_by_merchant_and_by_being_open(
    session: boto3.Session, deployed: Deployed
) -> None:
    assert deployed["TransactionsTableName"] == names.table(deployed.suffix, "transactions")
    description = session.client("dynamodb").describe_table(TableName=deployed["TransactionsTableName"])["Table"]
    indexes = {index["IndexName"]: index for index in description["GlobalSecondaryIndexes"]}
    partitions = {
        name: next(key["AttributeName"] for key in index["KeySchema"] if key["KeyType"] == "HASH")
        for name, index in indexes.items()
    }
    assert partitions == {
        "by-customer": "customer_key",
        "by-merchant-day": "merchant_day_shard",
        "open-payments": "open_shard",
    }
    assert {index["IndexStatus"] for index in indexes.values()} == {"ACTIVE"}
    assert description["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"


def test_audit_records_are_versioned(session: boto3.Session, deployed: Deployed) -> None:
    answer = session.client("s3").get_bucket_versioning(Bucket=deployed["AuditBucketName"])
    assert answer.get("Status") == "Enabled"


def test_audit_records_stay_at_hand_for_90_days_and_are_kept_for_400(
    session: boto3.Session, deployed: Deployed
) -> None:
    answer = session.client("s3").get_bucket_lifecycle_configuration(Bucket=deployed["AuditBucketName"])
    (rule,) = (rule for rule in answer["Rules"] if "Expiration" in rule)
    assert rule["Status"] == "Enabled"
    (transition,) = rule["Transitions"]
    assert transition["Days"] >= 90
    assert transition["StorageClass"] == "GLACIER_IR"
    assert rule["Expiration"]["Days"] >= 400


def test_nobody_can_delete_an_audit_record_for_as_long_as_the_environment_says(
    session: boto3.Session, deployed: Deployed
) -> None:
    """Nothing is locked where the environment is meant to go without a trace."""
    client, bucket = session.client("s3"), deployed["AuditBucketName"]
    try:
        lock = client.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    except client.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "ObjectLockConfigurationNotFoundError"  # noqa: PT017
        lock = {}
    days = int(deployed["AuditLockDays"])
    wanted = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": days}}}
    assert lock == (wanted if days else {})


def test_audit_records_are_encrypted_with_a_key_of_ours(session: boto3.Session, deployed: Deployed) -> None:
    answer = session.client("s3").get_bucket_encryption(Bucket=deployed["AuditBucketName"])
    (rule,) = answer["ServerSideEncryptionConfiguration"]["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    assert default["SSEAlgorithm"] == "aws:kms"
    assert_own_key(session, default["KMSMasterKeyID"])


def test_the_audit_bucket_is_private_and_tls_only(session: boto3.Session, deployed: Deployed) -> None:
    client = session.client("s3")
    block = client.get_public_access_block(Bucket=deployed["AuditBucketName"])["PublicAccessBlockConfiguration"]
    assert all(
        block[switch]
        for switch in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    )
    policy = json.loads(client.get_bucket_policy(Bucket=deployed["AuditBucketName"])["Policy"])
    insecure = [
        statement
        for statement in policy["Statement"]
        if statement["Effect"] == "Deny"
        and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in ("false", False)
    ]
    assert insecure


def test_the_application_s_database_secret_is_rotated(session: boto3.Session, deployed: Deployed) -> None:
    secret = session.client("secretsmanager").describe_secret(SecretId=deployed["DatabaseSecretArn"])
    assert secret["Name"] == names.database_app_secret(deployed.suffix)
    assert secret["RotationEnabled"] is True
    assert secret["RotationLambdaARN"].split(":")[6] == names.function(deployed.suffix, "rotation")
    assert 1 <= secret["RotationRules"]["AutomaticallyAfterDays"] <= 90


@pytest.mark.parametrize("topic", [names.alerts_topic, names.failed_transactions_topic])
def test_topics_are_encrypted(session: boto3.Session, deployed: Deployed, topic: Callable[[str], str]) -> None:
    own = deployed["AlertsTopicArn"]
    arn = own.rpartition(":")[0] + ":" + topic(deployed.suffix)
    attributes = session.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes.get("KmsMasterKeyId")
