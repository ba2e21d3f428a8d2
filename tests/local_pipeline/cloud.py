"""A fake AWS in memory: just the calls that the runner makes, each remembered with the role that made it."""

from __future__ import annotations

import io
import itertools
import json
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from local.pipeline.aws import AwsSession, Credentials

ACCOUNT, REGION = "111111111111", "us-east-1"
ENDPOINT = "http://127.0.0.1:9"


def error(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


@dataclass
class FakeCloud:
    """State of all accounts. `calls` holds (role, service, operation)."""

    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    log_lines: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    stacks: FakeStacks = field(default_factory=lambda: FakeStacks())
    on_build: Callable[[], object] = lambda: None
    """Called when a build starts: what a self-mutation does."""
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def session(self, account: str = ACCOUNT, region: str = REGION) -> FakeSession:
        return FakeSession(self, role=account, region=region)

    def roles_of(self, service: str, operation: str) -> set[str]:
        return {role for role, s, o in self.calls if (s, o) == (service, operation)}


class FakeSession(AwsSession):
    """A session whose clients are the fake; a role's session is named after the role."""

    def __init__(self, cloud: FakeCloud, *, role: str, region: str) -> None:
        credentials = Credentials(access_key=f"key-of-{role}", secret_key="secret", token="token")
        super().__init__(endpoint=ENDPOINT, region=region, credentials=credentials)
        self._cloud, self._role = cloud, role

    def client(self, service: str, *, region: str = "") -> Any:
        return _Client(self._cloud, self._role, service)

    def assume(self, role_arn: str, name: str) -> AwsSession:
        self._cloud.calls.append((self._role, "sts", "assume_role"))
        return FakeSession(self._cloud, role=role_arn.rpartition("/")[2], region=self.region)


class _Client:
    def __init__(self, cloud: FakeCloud, role: str, service: str) -> None:
        self._cloud, self._role, self._service = cloud, role, service

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self._cloud.calls.append((self._role, self._service, operation))
            if self._service == "cloudformation":
                return getattr(self._cloud.stacks, operation)(**arguments)
            return getattr(_Services(self._cloud), f"{self._service}_{operation}")(**arguments)

        return call


class _Services:
    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud

    def s3_put_object(self, *, Bucket: str, Key: str, Body: bytes, **encryption: str) -> dict[str, Any]:  # noqa: N803
        self._cloud.objects[Key] = Body
        return {}

    def s3_get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self._cloud.objects[Key])}

    def codebuild_batch_get_projects(self, *, names: list[str]) -> dict[str, Any]:
        return {"projects": [self._cloud.projects[name] for name in names if name in self._cloud.projects]}

    def codebuild_start_build(self, *, projectName: str, idempotencyToken: str) -> dict[str, Any]:  # noqa: N803
        self._cloud.on_build()
        build_id = f"{projectName}:{next(self._cloud.numbers):08d}"
        return {"build": {"id": build_id, "arn": f"arn:aws:codebuild:::build/{build_id}", "buildNumber": 1}}

    def ssm_get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N803
        return {"Parameter": {"Value": self._cloud.parameters[Name]}}

    def secretsmanager_get_secret_value(self, *, SecretId: str, **stage: str) -> dict[str, Any]:  # noqa: N803
        return {"SecretString": self._cloud.secrets[SecretId]}

    def sns_publish(self, **message: Any) -> dict[str, Any]:
        self._cloud.messages.append(message)
        return {}

    def logs_create_log_group(self, **names: str) -> dict[str, Any]:
        raise error("AccessDeniedException", "the group exists already and is not ours")

    def logs_create_log_stream(self, **names: str) -> dict[str, Any]:
        return {}

    def logs_put_log_events(self, *, logEvents: list[dict[str, Any]], **names: str) -> dict[str, Any]:  # noqa: N803
        self._cloud.log_lines += [event["message"] for event in logEvents]
        return {}


class FakeStacks:
    """CloudFormation for one account: change sets settle after one look, deployments after two.

    The template is JSON: `Resources` that equal the deployed ones are no change; `Fail` names a resource that fails.
    """

    def __init__(self) -> None:
        self.stacks: dict[str, dict[str, Any]] = {}
        self.change_sets: dict[tuple[str, str], dict[str, Any]] = {}
        self.templates: dict[str, Any] = {}
        self.given: list[dict[str, Any]] = []
        self._pending: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()

    def put(self, name: str, status: str) -> None:
        self.stacks[name] = {"StackId": f"id-of-{name}", "StackName": name, "StackStatus": status}

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        name = StackName.removeprefix("id-of-")
        with self._lock:
            if self._pending[name]:
                self.stacks[name]["StackStatus"] = self._pending[name].pop(0)
            if name not in self.stacks or self.stacks[name]["StackStatus"] == "DELETE_COMPLETE":
                raise error("ValidationError", f"Stack with id {name} does not exist")
            return {"Stacks": [dict(self.stacks[name])]}

    def describe_stack_events(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        own = {"PhysicalResourceId": StackName, "LogicalResourceId": StackName}
        older = {"LogicalResourceId": "Old", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "long ago"}
        failed = {"LogicalResourceId": "Broken", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "no luck"}
        beginning = {**own, "ResourceStatus": "CREATE_IN_PROGRESS"}
        return {"StackEvents": [{**own, "ResourceStatus": "ROLLBACK_COMPLETE"}, failed, beginning, older]}

    def create_change_set(self, *, StackName: str, ChangeSetName: str, ChangeSetType: str, **given: Any) -> None:  # noqa: N803
        self._refuse_rolled_back(StackName)
        self.given.append({"ChangeSetType": ChangeSetType, **given})
        if ChangeSetType == "CREATE" and StackName not in self.stacks:
            self.put(StackName, "REVIEW_IN_PROGRESS")
        template = _template(given)
        empty = self.templates.get(StackName) == template
        self.change_sets[StackName, ChangeSetName] = {
            "ChangeSetId": ChangeSetName,
            "StackId": f"id-of-{StackName}",
            "Status": "CREATE_IN_PROGRESS",
            "Next": "FAILED" if empty else "CREATE_COMPLETE",
            "StatusReason": "The submitted information didn't contain changes." if empty else "",
            "ExecutionStatus": "UNAVAILABLE" if empty else "AVAILABLE",
            "Template": template,
        }

    def describe_change_set(self, *, StackName: str, ChangeSetName: str) -> dict[str, Any]:  # noqa: N803
        found = self.change_sets.get((StackName, ChangeSetName))
        if found is None:
            raise error("ChangeSetNotFoundException", "no such change set")
        answer = dict(found)
        found["Status"] = found["Next"]
        return answer

    def delete_change_set(self, *, StackName: str, ChangeSetName: str) -> None:  # noqa: N803
        self.change_sets.pop((StackName, ChangeSetName), None)

    def execute_change_set(self, *, StackName: str, ChangeSetName: str) -> None:  # noqa: N803
        change_set = self.change_sets[StackName, ChangeSetName]
        change_set["ExecutionStatus"] = "EXECUTE_COMPLETE"
        kind = "CREATE" if self.stacks[StackName]["StackStatus"] == "REVIEW_IN_PROGRESS" else "UPDATE"
        self._deploy(StackName, change_set["Template"], kind)

    def create_stack(self, *, StackName: str, **given: Any) -> None:  # noqa: N803
        self.given.append(given)
        self.put(StackName, "CREATE_IN_PROGRESS")
        self._deploy(StackName, _template(given), "CREATE")

    def update_stack(self, *, StackName: str, **given: Any) -> None:  # noqa: N803
        self._refuse_rolled_back(StackName)
        self.given.append(given)
        if self.templates.get(StackName) == _template(given):
            raise error("ValidationError", "No updates are to be performed.")
        self._deploy(StackName, _template(given), "UPDATE")

    def delete_stack(self, *, StackName: str, **role: str) -> None:  # noqa: N803
        self._pending[StackName.removeprefix("id-of-")] = ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]

    def _refuse_rolled_back(self, name: str) -> None:
        if self.stacks.get(name, {}).get("StackStatus") == "ROLLBACK_COMPLETE":
            raise error("ValidationError", f"Stack:{name} is in ROLLBACK_COMPLETE state and can not be updated.")

    def _deploy(self, name: str, template: Any, kind: str) -> None:
        if "Fail" in template:
            end = "ROLLBACK_COMPLETE" if kind == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
        else:
            end = f"{kind}_COMPLETE"
            self.templates[name] = template
            outputs = template.get("Outputs", {})
            self.stacks[name]["Outputs"] = [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()]
        self._pending[name] = [f"{kind}_IN_PROGRESS", end]


def _template(given: dict[str, Any]) -> Any:
    return json.loads(given["TemplateBody"]) if "TemplateBody" in given else {"Url": given["TemplateURL"]}
