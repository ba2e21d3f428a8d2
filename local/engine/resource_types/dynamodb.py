"""DynamoDB tables: recovery, expiry and encryption, which ministack's template type drops, and deletion protection."""

from __future__ import annotations

from local.engine.registry import Registry, Resource
from local.engine.resource_types.values import boolean, present


class DeletionProtectedError(RuntimeError):
    """DynamoDB and RDS keep what is protected against deletion; CloudFormation then fails the deletion."""


def register(registry: Registry) -> None:
    registry.after("AWS::DynamoDB::Table", apply_dropped_properties)
    registry.supports(
        "AWS::DynamoDB::Table", {"PointInTimeRecoverySpecification", "SSESpecification", "TimeToLiveSpecification"}
    )
    registry.before_delete("AWS::DynamoDB::Table", refuse_if_protected)


def refuse_if_protected(resource: Resource) -> None:
    table = resource.client("dynamodb").describe_table(TableName=resource.physical_id)["Table"]
    if table.get("DeletionProtectionEnabled"):
        raise DeletionProtectedError(
            f"Resource cannot be deleted as it is currently protected against deletion: {resource.physical_id}"
        )


def apply_dropped_properties(resource: Resource) -> None:
    _set_recovery(resource)
    _set_expiry(resource)
    _set_encryption(resource)


def _set_recovery(resource: Resource) -> None:
    specification = resource.properties.get("PointInTimeRecoverySpecification") or {}
    wanted = boolean(specification.get("PointInTimeRecoveryEnabled"))
    if not wanted and not resource.previous.get("PointInTimeRecoverySpecification"):
        return
    days = (
        {"RecoveryPeriodInDays": int(specification["RecoveryPeriodInDays"])}
        if (wanted and "RecoveryPeriodInDays" in specification)
        else {}
    )
    resource.client("dynamodb").update_continuous_backups(
        TableName=resource.physical_id,
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": wanted, **days},
    )


def _set_expiry(resource: Resource) -> None:
    """Set the TTL attribute; DynamoDB refuses a call that changes nothing."""
    client = resource.client("dynamodb")
    wanted = resource.properties.get("TimeToLiveSpecification") or {}
    described = client.describe_time_to_live(TableName=resource.physical_id)["TimeToLiveDescription"]
    enabled = described.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    if boolean(wanted.get("Enabled")) == enabled:
        return
    attribute = wanted["AttributeName"] if not enabled else described["AttributeName"]
    client.update_time_to_live(
        TableName=resource.physical_id,
        TimeToLiveSpecification={"Enabled": not enabled, "AttributeName": attribute},
    )


def _set_encryption(resource: Resource) -> None:
    specification = resource.properties.get("SSESpecification")
    if not specification or specification == resource.previous.get("SSESpecification"):
        return
    resource.client("dynamodb").update_table(
        TableName=resource.physical_id,
        SSESpecification={
            "Enabled": boolean(specification.get("SSEEnabled")),
            **present(specification, "SSEType", "KMSMasterKeyId"),
        },
    )
