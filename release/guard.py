"""What a deployment would destroy of what holds data, seen before it begins. Pure.

CloudFormation replaces a resource when one of certain properties changes, and deletes it when it is gone from the
template; either way a table is empty afterwards, or a key cannot decrypt any more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Template = Mapping[str, Any]

# A change of these replaces the resource ("Update requires: Replacement" in CloudFormation's reference).
REPLACING: Final[Mapping[str, frozenset[str]]] = {
    "AWS::DynamoDB::Table": frozenset({"TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"}),
    "AWS::RDS::DBCluster": frozenset(
        {
            "AvailabilityZones",
            "DatabaseName",
            "DBClusterIdentifier",
            "DBSubnetGroupName",
            "EngineMode",
            "KmsKeyId",
            "MasterUsername",
            "RestoreToTime",
            "RestoreType",
            "SnapshotIdentifier",
            "SourceDBClusterIdentifier",
            "StorageEncrypted",
        }
    ),
    "AWS::S3::Bucket": frozenset({"BucketName", "ObjectLockEnabled"}),
    "AWS::KMS::Key": frozenset({"KeySpec", "KeyUsage", "MultiRegion", "Origin"}),
    "AWS::Logs::LogGroup": frozenset({"LogGroupName"}),
    "AWS::SQS::Queue": frozenset({"QueueName", "FifoQueue"}),
}
"""The types that hold data, each with the properties that its data does not survive a change of."""


@dataclass(frozen=True, kw_only=True, order=True)
class Loss:
    """Something that holds data and would not be there after the deployment."""

    stack: str
    logical_id: str
    type: str
    reason: str

    @property
    def name(self) -> str:
        """How a change lists it as intended."""
        return f"{self.stack}/{self.logical_id}"

    def __str__(self) -> str:
        return f"{self.name} ({self.type}): {self.reason}"


def losses(deployed: Mapping[str, Template], planned: Mapping[str, Template]) -> list[Loss]:
    """What the planned templates, by stack name, would destroy of the deployed ones. A stack that is not planned is
    not deployed either, and so loses nothing."""
    return sorted(
        loss
        for stack, template in deployed.items()
        if stack in planned
        for loss in _of_stack(stack, template.get("Resources", {}), planned[stack].get("Resources", {}))
    )


def not_intended(found: list[Loss], intended: str) -> list[Loss]:
    """Those that `intended` does not name: a `stack/LogicalId` per line, `#` begins a comment."""
    named = {line.partition("#")[0].strip() for line in intended.splitlines()}
    return [loss for loss in found if loss.name not in named]


def _of_stack(stack: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Loss]:
    for logical_id, resource in before.items():
        type_ = resource["Type"]
        if type_ not in REPLACING:
            continue
        reason = _reason(resource, after.get(logical_id))
        if reason:
            yield Loss(stack=stack, logical_id=logical_id, type=type_, reason=reason)


def _reason(before: Mapping[str, Any], after: Mapping[str, Any] | None) -> str | None:
    if after is None:
        return "is no longer in the template"
    if after["Type"] != before["Type"]:
        return f"becomes a {after['Type']}"
    old, new = before.get("Properties", {}), after.get("Properties", {})
    changed = sorted(name for name in REPLACING[before["Type"]] if old.get(name) != new.get(name))
    return f"is replaced, because {' and '.join(changed)} would change" if changed else None
