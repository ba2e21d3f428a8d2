"""The engine as a test sees it: clients, stacks, functions."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
DEADLINE_SECONDS = 20.0
_numbers = itertools.count(1)


class StackFailedError(AssertionError):
    """A stack did not reach a COMPLETE state; the message holds CloudFormation's reasons."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A deployed stack; `resources` are the physical ids."""

    client: Any
    stack_id: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]

    def update(self, **more: Any) -> Stack:
        self.client.update_stack(StackName=self.stack_id, Capabilities=["CAPABILITY_NAMED_IAM"], **more)
        return settled(self.client, self.stack_id)

    def delete(self) -> None:
        self.client.delete_stack(StackName=self.stack_id)
        settled(self.client, self.stack_id)


@dataclass(frozen=True, kw_only=True)
class EmbeddedAws:
    """A running engine. A 12-digit access key is that account's administrator."""

    endpoint: str

    def client(self, service: str, *, account: str, region: str = REGION) -> Any:
        return self.client_of({"AccessKeyId": account, "SecretAccessKey": "local"}, service, region=region)

    def client_of(self, credentials: Mapping[str, Any], service: str, *, region: str = REGION) -> Any:
        """A client with credentials as AssumeRole hands them out."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            config=Config(retries={"max_attempts": 1}),
        )

    def assume(self, role_arn: str, *, account: str) -> Mapping[str, Any]:
        """Temporary credentials of a role, asked for by an account's administrator."""
        sts = self.client("sts", account=account)
        found: Mapping[str, Any] = sts.assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        return found

    def deploy(
        self,
        resources: Mapping[str, Any],
        *,
        account: str,
        outputs: Mapping[str, Any] | None = None,
        **sections: Any,
    ) -> Stack:
        """Create a stack of its own name. Raises `StackFailedError`."""
        client = self.client("cloudformation", account=account)
        body = template(resources, outputs=outputs, **sections)
        made = client.create_stack(
            StackName=f"test-{next(_numbers)}", TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        return settled(client, made["StackId"])


def template(resources: Mapping[str, Any], *, outputs: Mapping[str, Any] | None = None, **sections: Any) -> str:
    values = {name: {"Value": value} for name, value in (outputs or {}).items()}
    return json.dumps({"Resources": resources, **({"Outputs": values} if values else {}), **sections})


def zipped(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


def eventually(look: Callable[[], Any], *, within: float = DEADLINE_SECONDS) -> Any:
    """The first true answer of `look`. Fails when there is none in time."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)
    return found


def settled(client: Any, stack_id: str) -> Stack:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        stack = client.describe_stacks(StackName=stack_id)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        assert time.monotonic() < deadline, f"{stack['StackName']} is still {stack['StackStatus']}"
        time.sleep(0.03)
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"):
        events = client.describe_stack_events(StackName=stack_id)["StackEvents"]
        reasons = [e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"].endswith("_FAILED")]
        raise StackFailedError(f"{stack['StackStatus']}: {reasons}")
    listed = client.describe_stack_resources(StackName=stack_id)["StackResources"]
    return Stack(
        client=client,
        stack_id=stack_id,
        outputs={o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
        resources={r["LogicalResourceId"]: r.get("PhysicalResourceId", "") for r in listed},
    )
