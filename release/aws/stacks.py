"""The environment's CloudFormation stacks."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from release.model import StackView
from release.names import RELEASE_STATE_PARAMETER, stacks

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_ALARM_TYPES = frozenset({"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"})


class EnvironmentStacks:
    """Asked for by name: a prefix would also match the stacks of an environment with a longer suffix."""

    def __init__(self, client: "CloudFormationClient", suffix: str) -> None:
        self._client = client
        self._suffix = suffix

    def describe(self) -> tuple[StackView, ...]:
        return tuple(_view(found) for name in stacks(self._suffix) if (found := self._find(name)))

    def start_sync(self, name: str, *, keep: Callable[[], None]) -> bool:
        """The stack keeps its role, its capabilities and every parameter; Parameter Store is read anew."""
        found = self._find(name)
        if found is None:
            return False
        keep()
        try:
            self._client.update_stack(
                StackName=name,
                UsePreviousTemplate=True,
                Parameters=[
                    {"ParameterKey": parameter["ParameterKey"], "UsePreviousValue": True}
                    for parameter in found.get("Parameters", [])
                ],
                Capabilities=found.get("Capabilities", []),
            )
        except ClientError as error:
            if "No updates are to be performed" in error.response["Error"].get("Message", ""):
                return False
            raise
        return True

    def failure(self, name: str) -> str:
        for page in self._client.get_paginator("describe_stack_events").paginate(StackName=name):
            for event in page["StackEvents"]:
                if event.get("ResourceStatus", "").endswith("_FAILED"):
                    return f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason', 'no reason given')}"
        return "no failed event"

    def output(self, key: str) -> str | None:
        return next((view.outputs[key] for view in self.describe() if key in view.outputs), None)

    def alarm_names(self) -> frozenset[str]:
        return frozenset(self._alarm_names())

    def _alarm_names(self) -> Iterator[str]:
        for view in self.describe():
            for page in self._client.get_paginator("list_stack_resources").paginate(StackName=view.name):
                for resource in page["StackResourceSummaries"]:
                    if resource["ResourceType"] in _ALARM_TYPES and "PhysicalResourceId" in resource:
                        yield resource["PhysicalResourceId"]

    def _find(self, name: str) -> "StackTypeDef | None":
        try:
            answer = self._client.describe_stacks(StackName=name)
        except ClientError as error:
            details = error.response["Error"]
            if details["Code"] == "ValidationError" and "does not exist" in details.get("Message", ""):
                return None
            raise
        return answer["Stacks"][0]


def _view(found: "StackTypeDef") -> StackView:
    parameters = {parameter["ParameterKey"] for parameter in found.get("Parameters", [])}
    return StackView(
        name=found["StackName"],
        status=found["StackStatus"],
        outputs={output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
        reads_release_state=RELEASE_STATE_PARAMETER in parameters,
    )
