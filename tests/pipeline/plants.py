"""For each of our rules one violation, to be planted into the real templates."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.compliance.estate import Estate, Resource

Plant = Callable[[Estate, list[Resource]], None]
"""Changes the estate of prod; the resources are those that the rule applies to."""


def put(path: str, value: Any) -> Plant:
    """Set one property of the first resource."""

    def plant(_: Estate, subjects: list[Resource]) -> None:
        *parents, last = ["Properties", *path.split(".")]
        holder: Any = subjects[0].definition
        for parent in parents:
            holder = holder.setdefault(parent, {})
        holder[last] = value

    return plant


def drop(type_: str) -> Plant:
    """Take away all resources of a type."""

    def plant(estate: Estate, _: list[Resource]) -> None:
        estate.resources[:] = [resource for resource in estate.resources if resource.type != type_]

    return plant


def allow(**statement: Any) -> Plant:
    """Add a statement to the first resource's policy."""

    def plant(_: Estate, subjects: list[Resource]) -> None:
        properties = subjects[0].definition["Properties"]
        key = next(key for key in ("KeyPolicy", "PolicyDocument", "Policy") if key in properties)
        properties[key]["Statement"].append({"Effect": "Allow", **statement})

    return plant


def shared_role(_: Estate, subjects: list[Resource]) -> None:
    ours = [function for function in subjects if function.stack.endswith("-compute")]
    ours[0].definition["Properties"]["Role"] = ours[1].definition["Properties"]["Role"]


def default_route(estate: Estate, subjects: list[Resource]) -> None:
    table = next(
        association.at("RouteTableId")
        for association in estate.of("AWS::EC2::SubnetRouteTableAssociation")
        if subjects[0].is_named_by(association, "SubnetId")
    )
    route = estate.of("AWS::EC2::Route")[0].definition
    route["Properties"]["RouteTableId"] = table


def no_approval(_: Estate, subjects: list[Resource]) -> None:
    stage = subjects[0].definition["Properties"]["Stages"][-1]
    stage["Actions"] = [a for a in stage["Actions"] if a["ActionTypeId"]["Category"] != "Approval"]


def balancer_log_off(_: Estate, subjects: list[Resource]) -> None:
    attributes = subjects[0].definition["Properties"]["LoadBalancerAttributes"]
    next(a for a in attributes if a["Key"] == "access_logs.s3.enabled")["Value"] = "false"


def quick_expiry(_: Estate, subjects: list[Resource]) -> None:
    subjects[0].definition["Properties"]["LifecycleConfiguration"]["Rules"][0]["ExpirationInDays"] = 30


def silent_alarm_on_queue(estate: Estate, _: list[Resource]) -> None:
    for alarm in estate.of("AWS::CloudWatch::Alarm"):
        if alarm.at("Namespace") == "AWS/SQS":
            alarm.definition["Properties"]["AlarmActions"] = []


EVERYBODY: Mapping[str, Any] = {"Principal": {"AWS": "*"}, "Action": "kms:Decrypt", "Resource": "*"}
OPEN_TO_ALL = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}

PLANTS: Mapping[str, Plant] = {
    "DefaultSecurityGroupClosed": drop("Custom::VpcRestrictDefaultSG"),
    "InboundFromGroupsOnly": put("SecurityGroupIngress", [OPEN_TO_ALL]),
    "OutboundOnNamedPorts": put("SecurityGroupEgress", [{"CidrIp": "0.0.0.0/0", "IpProtocol": "-1"}]),
    "DatabaseSubnetsIsolated": default_route,
    "LoadBalancerPrivate": put("Scheme", "internet-facing"),
    "ConcurrencyReserved": put("ReservedConcurrentExecutions", None),
    "DataExpires": put("TimeToLiveSpecification", None),
    "FingerprintKeyForOneRole": put("KeyPolicy.Statement", []),
    "TableKey": put("SSESpecification", {"SSEEnabled": True}),
    "DatabaseKey": put("KmsKeyId", "alias/aws/rds"),
    "QueueKey": put("KmsMasterKeyId", "alias/aws/sqs"),
    "TopicKey": put("KmsMasterKeyId", "alias/aws/sns"),
    "LogGroupKey": put("KmsKeyId", None),
    "KeysRotate": put("EnableKeyRotation", False),
    "KeysAreNotLostAtOnce": put("PendingWindowInDays", 1),
    "DatabaseRefusesPlainConnections": put("Parameters", {"log_connections": "1", "log_disconnections": "1"}),
    "ListenerSpeaksModernTls": put("SslPolicy", "ELBSecurityPolicy-2016-08"),
    "BucketsSpeakModernTls": drop("AWS::S3::BucketPolicy"),
    "MessagesAreSentEncrypted": drop("AWS::SNS::TopicPolicy"),
    "DatabaseTakesPatches": put("AutoMinorVersionUpgrade", False),
    "RuntimeIsSupported": put("Runtime", "python3.8"),
    "StagesHaveAFirewall": drop("AWS::WAFv2::WebACLAssociation"),
    "ApprovedBeforeLive": no_approval,
    "BuildsAreConfined": put("Environment.PrivilegedMode", True),
    "ArtifactsAreEncrypted": put("ArtifactStore.EncryptionKey", None),
    "EnvironmentsAreSeparate": put("Role", "arn:aws:iam::222222222222:role/payment-dev-processing"),
    "NoWildcardActions": allow(Action="s3:*", Resource="*"),
    "RoleOfItsOwn": shared_role,
    "ResourcesAreNotPublic": allow(**EVERYBODY),
    "DatabaseKnowsIdentities": put("EnableIAMDatabaseAuthentication", False),
    "CallersAreAuthenticated": put("AuthorizationType", "NONE"),
    "DatabasePasswordIsReferenced": put("MasterUserPassword", "correct horse battery staple"),
    "FunctionsHoldNoSecret": put("Environment.Variables.DATABASE_PASSWORD", "correct horse battery staple"),
    "ParametersHoldNoSecret": put("Name", "/payment/prod/config/database-password"),
    "CredentialsRotate": drop("AWS::SecretsManager::RotationSchedule"),
    "CredentialsRotateOften": put("RotationRules.AutomaticallyAfterDays", 365),
    "DatabaseIsLogged": put("EnableCloudwatchLogsExports", []),
    "FirewallIsLogged": drop("AWS::WAFv2::LoggingConfiguration"),
    "LoadBalancerIsLogged": balancer_log_off,
    "NetworkIsLogged": drop("AWS::EC2::FlowLog"),
    "RequestsAreLogged": put("AccessLogSetting.Format", '{"caller": "$context.identity.caller", "b": "$input.body"}'),
    "DatabaseLogsWhoConnects": put("Parameters", {"rds.force_ssl": "1"}),
    "AuditRecordsAreReadOnRecord": put("LoggingConfiguration", None),
    "AuditRecordsAreLocked": put("ObjectLockConfiguration.Rule.DefaultRetention.Mode", "GOVERNANCE"),
    "AuditWriterOnlyAdds": allow(Action="s3:DeleteObjectVersion", Resource="arn:aws:s3:::payment-prod-audit-1/*"),
    "LogsKeepVersions": put("VersioningConfiguration.Status", "Suspended"),
    "LogsAtHand": put("RetentionInDays", 1),
    "LogsKeptForAYear": put("RetentionInDays", 90),
    "RecordsKeptForAYear": quick_expiry,
    "AlarmsTellSomebody": put("AlarmActions", []),
    "FailuresWakeSomebody": silent_alarm_on_queue,
    "UnwrittenRecordsAreKept": put("DestinationConfig", None),
    "InventoryIsTagged": put("Tags", []),
    "DataIsNotDeletedByMistake": put("DeletionProtection", False),
    "DatabaseCanBeRestored": put("BackupRetentionPeriod", 7),
    "TablesCanBeRestored": put("PointInTimeRecoverySpecification", None),
    "AlarmsSayWhatToDo": put("AlarmDescription", "Something is wrong"),
}
