"""An environment's resources in its AWS account, found by exact names and by tags."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from branches.ports import Item, Stack
from release import names

if TYPE_CHECKING:
    import boto3

SUFFIX_TAG: Final = "EnvironmentSuffix"
_GONE: Final = frozenset(
    {
        "ResourceNotFoundException",
        "NoSuchBucket",
        "ParameterNotFound",
        "NotFoundException",
        "DBClusterSnapshotNotFoundFault",
    }
)
# It is being deleted already, by a removal that was killed.
_GOING: Final = frozenset({"ResourceInUseException", "InvalidDBClusterSnapshotStateFault"})
_FUNCTION_LOGS: Final = "/aws/lambda/"
_TABLES: Final = ("transactions", "idempotency", "velocity", "releases")


class AwsAccount:
    """A prefix alone never decides: `payment-pr-` is also how the names of `pr-12` begin."""

    def __init__(self, session: "boto3.Session", suffix: str) -> None:
        self._suffix = suffix
        self._account = session.client("sts").get_caller_identity()["Account"]
        self._cloudformation = session.client("cloudformation")
        self._dynamodb = session.client("dynamodb")
        self._lambda = session.client("lambda")
        self._logs = session.client("logs")
        self._rds = session.client("rds")
        self._s3 = session.client("s3")
        self._secrets = session.client("secretsmanager")
        self._ssm = session.client("ssm")
        self._removers: dict[str, Callable[[str], object]] = {
            "bucket": self._remove_bucket,
            "cluster snapshot": lambda n: self._rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=n),
            "function": lambda n: self._lambda.delete_function(FunctionName=n),
            "log group": lambda n: self._logs.delete_log_group(logGroupName=n),
            "parameter": lambda n: self._ssm.delete_parameter(Name=n),
            "secret": lambda n: self._secrets.delete_secret(SecretId=n, ForceDeleteWithoutRecovery=True),
            "table": lambda n: self._dynamodb.delete_table(TableName=n),
        }

    def stacks(self) -> list[Stack]:
        known = {*names.stacks(self._suffix), names.access_stack(self._suffix)}
        found = []
        for page in self._cloudformation.get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
                ours = stack["StackName"] in known or tags.get(SUFFIX_TAG) == self._suffix
                if ours and stack["StackStatus"] != "DELETE_COMPLETE":
                    created = stack["CreationTime"].timestamp()
                    found.append(Stack(name=stack["StackName"], status=stack["StackStatus"], created=created))
        return found

    def members(self, stack: str, resource_type: str) -> list[str]:
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        return [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == resource_type
            and resource.get("PhysicalResourceId")
            and resource["ResourceStatus"] != "DELETE_COMPLETE"
        ]

    def detach(self, function: str) -> bool:
        try:
            found = self._lambda.get_function_configuration(FunctionName=function)
            if found.get("VpcConfig", {}).get("SubnetIds"):
                self._lambda.update_function_configuration(
                    FunctionName=function, VpcConfig={"SubnetIds": [], "SecurityGroupIds": []}
                )
                self._lambda.get_waiter("function_updated_v2").wait(FunctionName=function)
                return True
        except ClientError as error:
            _unless_gone(error)
        return False

    def empty(self, bucket: str) -> int:
        count = 0
        try:
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                keys: list[Any] = [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions]
                if keys:
                    self._s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                    count += len(keys)
        except ClientError as error:
            _unless_gone(error)
        return count

    def protected(self, item: Item) -> str | None:
        try:
            if item.kind == "bucket":
                return self._locked(item.name)
            if item.kind == "table":
                protected = self._dynamodb.describe_table(TableName=item.name)["Table"].get("DeletionProtectionEnabled")
                return "the table is protected from deletion" if protected else None
        except ClientError as error:
            _unless_gone(error)
        return None

    def _locked(self, bucket: str) -> str | None:
        try:
            found = self._s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ObjectLockConfigurationNotFoundError":
                raise
            return None
        retention = found.get("Rule", {}).get("DefaultRetention")
        return f"its records are locked for {retention['Days']} days after they were written" if retention else None

    def delete_stack(self, name: str) -> None:
        self._cloudformation.delete_stack(StackName=name)

    def failure(self, stack: str) -> str:
        try:
            for page in self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack):
                for event in page["StackEvents"]:
                    if event.get("ResourceStatus", "").endswith("_FAILED"):
                        reason = event.get("ResourceStatusReason", "no reason given")
                        return f"{event.get('LogicalResourceId')}: {reason}"
        except ClientError as error:
            return str(error)
        return "no failed event"

    def items(self) -> list[Item]:
        return sorted(self._items())

    def remove(self, item: Item) -> None:
        try:
            self._removers[item.kind](item.name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE | _GOING:
                raise

    def _items(self) -> Iterator[Item]:
        suffix = self._suffix
        path = f"{names.parameter_path(suffix)}/"
        for parameters in self._ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True):
            yield from (Item(kind="parameter", name=found["Name"]) for found in parameters["Parameters"])
        for secret in sorted(self._listed_secrets() | {*names.database_secrets(suffix)}):
            if self._exists(lambda name=secret: self._secrets.describe_secret(SecretId=name)):  # type: ignore[misc]
                yield Item(kind="secret", name=secret)
        for name in self._log_groups():
            yield Item(kind="log group", name=name)
        for bucket in (names.audit_bucket(suffix, self._account), names.access_logs_bucket(suffix, self._account)):
            if self._exists(lambda name=bucket: self._s3.list_objects_v2(Bucket=name, MaxKeys=1)):  # type: ignore[misc]
                yield Item(kind="bucket", name=bucket)
        for role in (*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS):
            function = names.function(suffix, role)
            if self._exists(lambda name=function: self._lambda.get_function_configuration(FunctionName=name)):  # type: ignore[misc]
                yield Item(kind="function", name=function)
        for role in _TABLES:
            table = names.table(suffix, role)
            if self._exists(lambda name=table: self._dynamodb.describe_table(TableName=name)):  # type: ignore[misc]
                yield Item(kind="table", name=table)
        yield from self._snapshots()

    def _listed_secrets(self) -> set[str]:
        """As they were up to five minutes ago: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html"""
        pages = self._secrets.get_paginator("list_secrets").paginate()
        found = {secret["Name"] for page in pages for secret in page["SecretList"]}
        return {name for name in found if name.startswith(f"payment/{self._suffix}/")}

    def _log_groups(self) -> Iterator[str]:
        suffix = self._suffix
        ours = {names.function(suffix, role) for role in (*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS)}
        # CDK's own functions: after the stack's name comes a capital, which no suffix has.
        of_stacks = re.compile("|".join(rf"{re.escape(stack)}-[A-Z].*" for stack in names.stacks(suffix)))
        for prefix in (names.log_group(suffix, ""), f"/aws/rds/cluster/{names.database_cluster(suffix)}/"):
            yield from self._log_groups_below(prefix)
        for name in self._log_groups_below(f"{_FUNCTION_LOGS}{names.prefix(suffix)}-"):
            function = name.removeprefix(_FUNCTION_LOGS)
            if function in ours or of_stacks.fullmatch(function):
                yield name

    def _log_groups_below(self, prefix: str) -> Iterator[str]:
        for page in self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
            yield from (group["logGroupName"] for group in page["logGroups"])

    def _snapshots(self) -> Iterator[Item]:
        cluster = names.database_cluster(self._suffix)
        try:
            answer = self._rds.describe_db_cluster_snapshots(DBClusterIdentifier=cluster, SnapshotType="manual")
        except ClientError as error:
            if error.response["Error"]["Code"] != "DBClusterNotFoundFault":
                raise
            return
        for snapshot in answer["DBClusterSnapshots"]:
            yield Item(kind="cluster snapshot", name=snapshot["DBClusterSnapshotIdentifier"])

    def _remove_bucket(self, name: str) -> None:
        self.empty(name)
        self._s3.delete_bucket(Bucket=name)

    def _exists(self, look: Callable[[], object]) -> bool:
        try:
            look()
        except ClientError as error:
            _unless_gone(error)
            return False
        return True


def _unless_gone(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _GONE:
        raise error
