"""Requirements 3 and 4: stored account data is unreadable, transmitted data is encrypted."""

from typing import Final

from pipeline.compliance.estate import Resource, as_list
from pipeline.compliance.rule import (
    Evidence,
    Rule,
    at_least,
    at_most,
    companion,
    demand,
    every,
    is_own_key,
    is_true,
    one_of,
)

_MODERN_TLS: Final = ("ELBSecurityPolicy-TLS13-1-2-", "ELBSecurityPolicy-TLS13-1-3-")


def _refuses(policy: Resource, operator: str, key: str, value: object) -> bool:
    """Whether a statement denies everything to everybody under this condition."""
    return any(
        statement.get("Effect") == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"})
        and statement.get("Condition", {}).get(operator, {}).get(key) == value
        for statement in policy.statements()
    )


def _refuses_plain_connections(policy: Resource) -> bool:
    return _refuses(policy, "Bool", "aws:SecureTransport", "false")


def _is_policy_of(owner: Resource, policy: Resource) -> bool:
    return any(owner.is_named_by(policy, key) for key in ("Bucket", "Topics", "Queues"))


def _policy_refuses_plain_connections(owner: Resource, policy: Resource) -> bool:
    return _is_policy_of(owner, policy) and _refuses_plain_connections(policy)


def _policy_demands_tls(owner: Resource, policy: Resource) -> bool:
    return _policy_refuses_plain_connections(owner, policy) and _refuses(
        policy, "NumericLessThan", "s3:TlsVersion", 1.2
    )


def _one_role_computes(resource: Resource) -> list[Evidence]:
    """A statement denies computing to everyone but one role."""
    roles = [
        statement.get("Condition", {}).get("ArnNotEquals", {}).get("aws:PrincipalArn")
        for statement in resource.statements()
        if statement.get("Effect") == "Deny" and "kms:GenerateMac" in as_list(statement.get("Action"))
    ]
    return [Evidence(path="Properties.KeyPolicy", value=roles, holds=len(roles) == 1 and isinstance(roles[0], str))]


def _is_keyed_hash(resource: Resource) -> bool:
    return str(resource.at("KeySpec")).startswith("HMAC_")


def _modern(value: object) -> bool:
    return str(value).startswith(_MODERN_TLS)


RULES: Final = (
    Rule(
        id="DataExpires",
        requirement="3.2.1",
        control="A table forgets what has its day: items may carry an expiry",
        types=["AWS::DynamoDB::Table"],
        check=demand("TimeToLiveSpecification.Enabled", is_true),
    ),
    Rule(
        id="FingerprintKeyForOneRole",
        requirement="3.5.1.1",
        control="Keyed hashes of card numbers can be computed by one role only",
        types=["AWS::KMS::Key"],
        applies=_is_keyed_hash,
        check=_one_role_computes,
    ),
    Rule(
        id="TableKey",
        requirement="3.5.1.2",
        control="Tables are encrypted with a key that this application controls",
        types=["AWS::DynamoDB::Table"],
        check=every(
            demand("SSESpecification.SSEEnabled", is_true), demand("SSESpecification.KMSMasterKeyId", is_own_key)
        ),
    ),
    Rule(
        id="DatabaseKey",
        requirement="3.5.1.2",
        control="The database is encrypted with a key that this application controls",
        types=["AWS::RDS::DBCluster"],
        check=every(demand("StorageEncrypted", is_true), demand("KmsKeyId", is_own_key)),
    ),
    Rule(
        id="QueueKey",
        requirement="3.5.1.2",
        control="Queues are encrypted with a key that this application controls",
        types=["AWS::SQS::Queue"],
        check=demand("KmsMasterKeyId", is_own_key),
    ),
    Rule(
        id="TopicKey",
        requirement="3.5.1.2",
        control="Topics are encrypted with a key that this application controls",
        types=["AWS::SNS::Topic"],
        check=demand("KmsMasterKeyId", is_own_key),
    ),
    Rule(
        id="LogGroupKey",
        requirement="3.5.1.2",
        control="Log groups are encrypted with a key that this application controls",
        types=["AWS::Logs::LogGroup"],
        check=demand("KmsKeyId", is_own_key),
    ),
    Rule(
        id="KeysRotate",
        requirement="3.7.4",
        control="Keys that can change by themselves do so every year (a key for keyed hashes cannot)",
        types=["AWS::KMS::Key"],
        applies=lambda key: not _is_keyed_hash(key),
        check=every(
            demand("EnableKeyRotation", is_true),
            # Unless it says otherwise a key rotates yearly.
            demand("RotationPeriodInDays", lambda days: days is None or at_most(366)(days)),
        ),
    ),
    Rule(
        id="KeysAreNotLostAtOnce",
        requirement="3.7.5",
        control="A key that is deleted can be taken back for at least a week",
        types=["AWS::KMS::Key"],
        check=demand("PendingWindowInDays", lambda days: days is None or at_least(7)(days)),
    ),
    Rule(
        id="DatabaseRefusesPlainConnections",
        requirement="4.2.1",
        control="The database answers encrypted connections only",
        types=["AWS::RDS::DBClusterParameterGroup"],
        check=demand("Parameters", lambda values: isinstance(values, dict) and values.get("rds.force_ssl") == "1"),
    ),
    Rule(
        id="ListenerSpeaksModernTls",
        requirement="4.2.1",
        control="The load balancer speaks TLS 1.2 or newer only",
        types=["AWS::ElasticLoadBalancingV2::Listener"],
        check=every(demand("Protocol", one_of("HTTPS")), demand("SslPolicy", _modern)),
    ),
    Rule(
        id="BucketsSpeakModernTls",
        requirement="4.2.1",
        control="Buckets refuse plain connections and TLS older than 1.2",
        types=["AWS::S3::Bucket"],
        check=companion(["AWS::S3::BucketPolicy"], _policy_demands_tls),
    ),
    Rule(
        id="MessagesAreSentEncrypted",
        requirement="4.2.1",
        control="Topics and queues refuse plain connections",
        types=["AWS::SNS::Topic", "AWS::SQS::Queue"],
        check=companion(["AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"], _policy_refuses_plain_connections),
    ),
)
