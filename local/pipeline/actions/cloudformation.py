"""CloudFormation actions, as the action's role: change sets made and executed, or stacks deployed in one step."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from local.pipeline.actions.context import ActionContext, ActionResult
from local.pipeline.errors import ActionFailedError

POLL_SECONDS = 0.2
INLINE_TEMPLATE_BYTES = 51_200
GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
REPLACEABLE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"}
_BEGINNINGS = {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")

Stack = dict[str, Any]


def run(context: ActionContext) -> ActionResult:
    """Do what ActionMode says. Returns the stack's outputs as variables, where the mode deploys something."""
    return _StackAction(context).run()


class _StackAction:
    def __init__(self, context: ActionContext) -> None:
        self._context = context
        self._configuration = context.action.configuration
        self._name = self._configuration["StackName"]
        self._client = context.session.client("cloudformation", region=context.action.region)

    def run(self) -> ActionResult:
        mode = self._configuration["ActionMode"]
        stack = self._settled()
        if stack:
            self._context.report(external_id=stack["StackId"], external_url=stack["StackId"])
        if mode == "CHANGE_SET_REPLACE":
            return self._replace_change_set(stack)
        if mode == "DELETE_ONLY":
            self._delete(stack)
            return ActionResult(summary=f"stack {self._name} is deleted")
        if mode == "CHANGE_SET_EXECUTE":
            self._execute_change_set()
        else:
            if mode == "REPLACE_ON_FAILURE" and stack and stack["StackStatus"] in REPLACEABLE:
                self._delete(stack)
                stack = None
            self._create_or_update(stack)
        return self._deployed()

    def _replace_change_set(self, stack: Stack | None) -> ActionResult:
        name = self._configuration["ChangeSetName"]
        if stack:
            self._delete_change_set(name)
        kind = "CREATE" if _is_new(stack) else "UPDATE"
        self._client.create_change_set(
            StackName=self._name, ChangeSetName=name, ChangeSetType=kind, **self._arguments()
        )
        described = self._change_set(name)
        while described["Status"] in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
            self._context.pause(POLL_SECONDS)
            described = self._change_set(name)
        if described["Status"] == "FAILED" and not _is_empty(described):
            raise ActionFailedError(f"change set {name} of {self._name}: {described.get('StatusReason', 'failed')}")
        self._context.report(external_id=described["ChangeSetId"], external_url=described["StackId"])
        changes = len(described.get("Changes", []))
        return ActionResult(summary=f"change set {name}: {changes or 'no'} changes")

    def _execute_change_set(self) -> None:
        name = self._configuration["ChangeSetName"]
        described = self._change_set(name)
        self._context.report(external_id=described["StackId"], external_url=described["StackId"])
        if _is_empty(described):
            return
        if described["Status"] != "CREATE_COMPLETE":
            raise ActionFailedError(f"change set {name} of {self._name} is {described['Status']}")
        self._client.execute_change_set(StackName=self._name, ChangeSetName=name)
        while self._executing(described["ChangeSetId"]):
            self._context.pause(POLL_SECONDS)

    def _executing(self, change_set_id: str) -> bool:
        try:
            return self._change_set(change_set_id)["ExecutionStatus"] in {"AVAILABLE", "EXECUTE_IN_PROGRESS"}
        except ClientError as error:
            if "NotFound" in error.response["Error"]["Code"]:
                return False
            raise

    def _create_or_update(self, stack: Stack | None) -> None:
        call = self._client.create_stack if _is_new(stack) else self._client.update_stack
        try:
            call(StackName=self._name, **self._arguments())
        except ClientError as error:
            if not any(text in str(error) for text in _NO_CHANGES):
                raise

    def _deployed(self) -> ActionResult:
        stack = self._settled()
        status = stack["StackStatus"] if stack else "gone"
        if stack is None or status not in GOOD:
            raise ActionFailedError(f"stack {self._name} is {status}: {self._why(stack)}", code="StackFailed")
        self._context.report(external_id=stack["StackId"], external_url=stack["StackId"])
        outputs = {str(o["OutputKey"]): str(o["OutputValue"]) for o in stack.get("Outputs", [])}
        return ActionResult(variables=outputs, summary=f"stack {self._name} is {status}")

    def _arguments(self) -> dict[str, Any]:
        """Template, parameters, tags, capabilities and role, from the artifacts and the configuration."""
        configuration, context = self._configuration, self._context
        template = context.artifacts.read(context.session, configuration["TemplatePath"])
        extra: dict[str, Any] = {}
        if reference := configuration.get("TemplateConfiguration"):
            extra = json.loads(context.artifacts.read(context.session, reference))
        parameters = {**extra.get("Parameters", {}), **json.loads(configuration.get("ParameterOverrides") or "{}")}
        arguments: dict[str, Any] = {
            "Capabilities": [c for c in configuration.get("Capabilities", "").split(",") if c],
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            "Tags": [{"Key": k, "Value": v} for k, v in extra.get("Tags", {}).items()],
        }
        if len(template) <= INLINE_TEMPLATE_BYTES:
            arguments["TemplateBody"] = template.decode()
        else:  # only the pipeline's own role may write to the bucket; CloudFormation reads as the action's role
            arguments["TemplateURL"] = context.artifacts.put_file(context.pipeline_session, template)
        if configuration.get("RoleArn"):
            arguments["RoleARN"] = configuration["RoleArn"]
        return arguments

    def _delete(self, stack: Stack | None) -> None:
        if stack is None:
            return
        role = {"RoleARN": self._configuration["RoleArn"]} if self._configuration.get("RoleArn") else {}
        self._client.delete_stack(StackName=stack["StackId"], **role)
        left = self._settled()
        if left is not None:
            raise ActionFailedError(
                f"stack {self._name} is {left['StackStatus']}: {self._why(left)}", code="StackFailed"
            )

    def _delete_change_set(self, name: str) -> None:
        try:
            self._client.delete_change_set(StackName=self._name, ChangeSetName=name)
        except ClientError as error:
            if "NotFound" not in error.response["Error"]["Code"]:
                raise

    def _change_set(self, name: str) -> dict[str, Any]:
        return dict(self._client.describe_change_set(StackName=self._name, ChangeSetName=name))

    def _settled(self) -> Stack | None:
        """The stack once nothing is in progress; None when there is none."""
        while True:
            stack = self._stack()
            status = stack["StackStatus"] if stack else ""
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return stack
            self._context.pause(POLL_SECONDS)

    def _stack(self) -> Stack | None:
        try:
            return dict(self._client.describe_stacks(StackName=self._name)["Stacks"][0])
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def _why(self, stack: Stack | None) -> str:
        """The first resource that failed in the last operation says more than the stack does."""
        if stack is None:
            return "it was deleted"
        first = ""
        for event in self._client.describe_stack_events(StackName=stack["StackId"])["StackEvents"]:  # newest first
            own = event.get("PhysicalResourceId") == stack["StackId"]
            if own and event["ResourceStatus"] in _BEGINNINGS:
                break
            if not own and event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in _reason(event):
                first = f"{event['LogicalResourceId']}: {_reason(event)}"
        return first or str(stack.get("StackStatusReason", "no reason given"))


def _reason(event: dict[str, Any]) -> str:
    return str(event.get("ResourceStatusReason", "no reason given"))


def _is_new(stack: Stack | None) -> bool:
    return stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"


def _is_empty(change_set: dict[str, Any]) -> bool:
    reason = change_set.get("StatusReason", "")
    return change_set["Status"] == "FAILED" and any(text in reason for text in _NO_CHANGES)
