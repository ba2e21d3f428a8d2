"""Requirement 10: what happened is recorded, cannot be changed, and is kept."""

import json
from typing import Any, Final

from pipeline.compliance.estate import Resource, as_list
from pipeline.compliance.rule import (
    Evidence,
    Rule,
    at_least,
    companion,
    demand,
    every,
    in_cardholder_data,
    is_true,
    one_of,
)

YEAR_AT_HAND: Final = 365
AT_HAND: Final = 90
# Objects in these classes are read like any other.
_READ_AT_ONCE: Final = ("GLACIER_IR", "STANDARD_IA", "INTELLIGENT_TIERING")
_FORBIDDEN_IN_ACCESS_LOGS: Final = ("requestOverride", "header", "body", "authorizer", "validationErrorString")


def _is_environments(resource: Resource) -> bool:
    """A bucket of an environment, as against the pipeline's store of artifacts."""
    return "EnvironmentSuffix" in resource.tags()


def _is_audit_bucket(resource: Resource) -> bool:
    """The bucket that the audit writer's role may put objects into."""
    return "-audit-" in str(resource.at("BucketName"))


def _attribute(name: str, accepts: Any) -> Any:
    def check(resource: Resource) -> list[Evidence]:
        values = {str(each.get("Key")): each.get("Value") for each in as_list(resource.at("LoadBalancerAttributes"))}
        return [
            Evidence(path="Properties.LoadBalancerAttributes", value=values.get(name), holds=accepts(values.get(name)))
        ]

    return check


def _lifecycle_keeps(resource: Resource) -> list[Evidence]:
    """Every rule that ends objects or versions ends them after more than a year, and moves them to no slow archive."""
    evidence = []
    for rule in as_list(resource.at("LifecycleConfiguration.Rules")):
        ends = [rule.get("ExpirationInDays"), (rule.get("NoncurrentVersionExpiration") or {}).get("NoncurrentDays")]
        moves = [*as_list(rule.get("Transitions")), *as_list(rule.get("NoncurrentVersionTransitions"))]
        slow = [move for move in moves if move.get("StorageClass") not in _READ_AT_ONCE]
        early = [move for move in moves if not at_least(AT_HAND)(move.get("TransitionInDays"))]
        holds = all(end is None or at_least(YEAR_AT_HAND)(end) for end in ends) and not slow and not early
        value = {
            "ends after days": ends,
            "moves": [f"{m.get('StorageClass')}@{m.get('TransitionInDays')}" for m in moves],
        }
        evidence.append(Evidence(path="Properties.LifecycleConfiguration.Rules", value=value, holds=holds))
    return evidence or [Evidence(path="Properties.LifecycleConfiguration", value="kept for ever", holds=True)]


def _logs_no_contents(resource: Resource) -> list[Evidence]:
    format_ = str(resource.at("AccessLogSetting.Format"))
    try:
        fields = {str(value) for value in json.loads(format_).values()}
    except (ValueError, AttributeError):
        fields = set()
    quoted = sorted(f for f in fields if any(word in f for word in _FORBIDDEN_IN_ACCESS_LOGS))
    names_the_caller = "$context.identity.caller" in fields
    return [
        Evidence(
            path="Properties.AccessLogSetting.Format",
            value=quoted or sorted(fields),
            holds=names_the_caller and not quoted,
        )
    ]


def _locked(resource: Resource) -> list[Evidence]:
    """Nobody, not even the account's root, can delete or overwrite a record before its time."""
    retention = resource.at("ObjectLockConfiguration.Rule.DefaultRetention") or {}
    days = retention.get("Days") or YEAR_AT_HAND * (retention.get("Years") or 0)
    holds = is_true(resource.at("ObjectLockEnabled")) and retention.get("Mode") == "COMPLIANCE" and days >= YEAR_AT_HAND
    return [Evidence(path="Properties.ObjectLockConfiguration", value=retention or "no lock", holds=holds)]


def _writers_cannot_delete(resource: Resource) -> list[Evidence]:
    """Of the audit trail's objects a policy that may put them may neither delete nor unlock any."""
    actions = [a for s in resource.statements() if s.get("Effect") == "Allow" for a in as_list(s.get("Action"))]
    beyond = sorted(a for a in actions if str(a).startswith(("s3:Delete", "s3:BypassGovernance", "s3:PutLifecycle")))
    return [Evidence(path="Properties.PolicyDocument", value=beyond or "s3:PutObject only", holds=not beyond)]


def _writes_audit_records(resource: Resource) -> bool:
    return any(
        "s3:PutObject" in as_list(statement.get("Action")) and "-audit-" in str(statement.get("Resource"))
        for statement in resource.statements()
    )


RULES: Final = (
    Rule(
        id="RequestsAreLogged",
        requirement="10.2.1",
        control="Every request to the API is logged with its caller, and without what it carried",
        types=["AWS::ApiGateway::Stage"],
        check=every(demand("AccessLogSetting.DestinationArn", bool), _logs_no_contents),
    ),
    Rule(
        id="NetworkIsLogged",
        requirement="10.2.1",
        control="Accepted and rejected traffic of the network is logged",
        types=["AWS::EC2::VPC"],
        check=companion(
            ["AWS::EC2::FlowLog"],
            lambda vpc, log: vpc.is_named_by(log, "ResourceId") and log.at("TrafficType") == "ALL",
        ),
    ),
    Rule(
        id="LoadBalancerIsLogged",
        requirement="10.2.1",
        control="Every request to the load balancer is logged",
        types=["AWS::ElasticLoadBalancingV2::LoadBalancer"],
        check=_attribute("access_logs.s3.enabled", is_true),
    ),
    Rule(
        id="DatabaseIsLogged",
        requirement="10.2.1",
        control="The database's log leaves its host",
        types=["AWS::RDS::DBCluster"],
        check=demand("EnableCloudwatchLogsExports", lambda logs: "postgresql" in as_list(logs)),
    ),
    Rule(
        id="DatabaseLogsWhoConnects",
        requirement="10.2.1.2",
        control="The database logs who connects and disconnects",
        types=["AWS::RDS::DBClusterParameterGroup"],
        check=demand(
            "Parameters",
            lambda values: (
                isinstance(values, dict) and values.get("log_connections") == values.get("log_disconnections") == "1"
            ),
        ),
    ),
    Rule(
        id="FirewallIsLogged",
        requirement="10.2.1",
        control="What the firewall decides is logged",
        types=["AWS::WAFv2::WebACL"],
        check=companion(
            ["AWS::WAFv2::LoggingConfiguration"], lambda acl, logging: acl.is_named_by(logging, "ResourceArn")
        ),
    ),
    Rule(
        id="AuditRecordsAreReadOnRecord",
        requirement="10.2.1.3",
        control="Who reads the audit trail is logged",
        types=["AWS::S3::Bucket"],
        applies=_is_audit_bucket,
        check=demand("LoggingConfiguration.DestinationBucketName", bool),
    ),
    Rule(
        id="AuditWriterOnlyAdds",
        requirement="10.3.2",
        control="Who writes the audit trail can add to it and nothing else",
        types=["AWS::IAM::ManagedPolicy"],
        applies=_writes_audit_records,
        check=_writers_cannot_delete,
    ),
    Rule(
        id="AuditRecordsAreLocked",
        requirement="10.3.2",
        control="Audit records cannot be changed or deleted before their time, by anybody",
        types=["AWS::S3::Bucket"],
        applies=lambda bucket: in_cardholder_data(bucket) and _is_audit_bucket(bucket),
        check=_locked,
    ),
    Rule(
        id="LogsKeepVersions",
        requirement="10.3.2",
        control="An overwritten log or record is still there as an older version",
        types=["AWS::S3::Bucket"],
        check=demand("VersioningConfiguration.Status", one_of("Enabled")),
    ),
    Rule(
        id="LogsAtHand",
        requirement="10.5.1",
        control="Logs of the last three months are at hand",
        types=["AWS::Logs::LogGroup"],
        check=demand("RetentionInDays", at_least(AT_HAND)),
    ),
    Rule(
        id="LogsKeptForAYear",
        requirement="10.5.1",
        control="Where real cards are processed logs are kept for more than a year",
        types=["AWS::Logs::LogGroup"],
        applies=in_cardholder_data,
        check=demand("RetentionInDays", at_least(YEAR_AT_HAND)),
    ),
    Rule(
        id="RecordsKeptForAYear",
        requirement="10.5.1",
        control="Audit records and access logs are kept for more than a year and can be read at once",
        types=["AWS::S3::Bucket"],
        applies=_is_environments,
        check=_lifecycle_keeps,
    ),
)
