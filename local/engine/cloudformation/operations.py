"""Execution roles and rollback configurations of stacks, which ministack drops.

A stack keeps its role until another is given. An operation without one acts as its caller.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html (RoleARN)
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackConfiguration.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from local.engine import context, inprocess, seams
from local.engine.load_balancer import protocol
from local.engine.load_balancer.errors import ApiError, validation
from local.engine.registry import Engine, Registry, Request, Response, ServiceHandler
from local.engine.stack_operation import Operation, Settings, within

SERVICE = "cloudformation.amazonaws.com"
BEGINNING = ("CreateStack", "CreateChangeSet")
CHANGING = (*BEGINNING, "UpdateStack", "ExecuteChangeSet", "DeleteStack", "RollbackStack", "ContinueUpdateRollback")
TRIGGER = re.compile(r"RollbackConfiguration\.RollbackTriggers\.member\.\d+\.Arn")
TRIGGER_TYPE = re.compile(r"RollbackConfiguration\.RollbackTriggers\.member\.\d+\.Type")
TRIGGER_TYPES = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
MOST_TRIGGERS = 5
LONGEST_MINUTES = 180
IDENTIFIER = re.compile(rb"<(?:StackId|Id)>(arn:[^<]+)</(?:StackId|Id)>")

Form = Mapping[str, str]


def register(registry: Registry) -> None:
    operations = Operations()
    registry.wrap_service("cloudformation", operations.answer)
    registry.before_start(_resolve_parameters_as_caller)


class Operations:
    def __init__(self) -> None:
        self._stacks: Any = context.store()
        self._change_sets: Any = context.store()

    async def answer(self, request: Request, proceed: ServiceHandler) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode(), keep_blank_values=True).items()}
        form |= {name: values[0] for name, values in request.query.items() if values}
        action = form.get("Action", "")
        if action == "DescribeStacks":
            return self._described(await proceed(request))
        if action not in CHANGING:
            return await proceed(request)
        caller = seams.get("sigv4.access_key")(request.headers, request.query)
        try:
            settings = self._settings(action, form)
            _check_role(form.get("RoleARN", ""), caller)
        except ApiError as error:
            return protocol.render_error(inprocess.service_model("cloudformation"), error)
        with within(Operation(caller_key=caller, settings=settings, started_at=time.time())):
            response = await proceed(request)
        if response.status < 300:
            self._remember(action, form, settings, response)
        return response

    def _settings(self, action: str, form: Form) -> Settings:
        """What the operation works with: what is given, else what the stack had, for a new stack nothing."""
        if action == "ExecuteChangeSet":
            _, kept = self._change_sets.get(_change_set_key(form)) or ("", self._of_stack(form))
            return kept
        is_new = action == "CreateStack" or form.get("ChangeSetType") == "CREATE"
        settings = Settings() if is_new else self._of_stack(form)
        if form.get("RoleARN"):
            settings = replace(settings, role_arn=form["RoleARN"])
        if any(name.startswith("RollbackConfiguration") for name in form):
            settings = _with_rollback(settings, form)
        return settings

    def _of_stack(self, form: Form) -> Settings:
        found: Settings = self._stacks.get(_stack_name(form.get("StackName", ""))) or Settings()
        return found

    def _remember(self, action: str, form: Form, settings: Settings, response: Response) -> None:
        stack = _stack_name(form.get("StackName", ""))
        if action == "CreateChangeSet":
            found = IDENTIFIER.search(response.body)
            arn = found.group(1).decode() if found else ""
            self._change_sets[arn] = self._change_sets[_change_set_key(form)] = (stack, settings)
            return
        if action == "ExecuteChangeSet":  # by its ARN alone it names no stack
            stack, _ = self._change_sets.get(_change_set_key(form)) or (stack, settings)
        self._stacks[stack] = settings

    def _described(self, response: Response) -> Response:
        """DescribeStacks' answer with what ministack does not keep."""
        body = response.body
        for arn in {found.decode() for found in IDENTIFIER.findall(body)}:
            settings = self._stacks.get(_stack_name(arn))
            if settings is not None and settings != Settings():
                tag = f"<StackId>{arn}</StackId>".encode()
                body = body.replace(tag, tag + _as_xml(settings).encode())
        return Response(status=response.status, headers=response.headers, body=body)


def _with_rollback(settings: Settings, form: Form) -> Settings:
    triggers = tuple(form[name] for name in sorted(form) if TRIGGER.fullmatch(name))
    minutes = int(form.get("RollbackConfiguration.MonitoringTimeInMinutes") or 0)
    wrong = [form[name] for name in form if TRIGGER_TYPE.fullmatch(name) and form[name] not in TRIGGER_TYPES]
    if wrong:
        raise validation(f"Rollback triggers must be alarms, not {wrong[0]}")
    if len(triggers) > MOST_TRIGGERS or not 0 <= minutes <= LONGEST_MINUTES:
        raise validation(f"At most {MOST_TRIGGERS} rollback triggers and {LONGEST_MINUTES} minutes can be given")
    return replace(settings, triggers=triggers, monitoring_minutes=minutes)


def _check_role(role_arn: str, caller_key: str) -> None:
    """The caller may pass the role, and the role trusts CloudFormation. Raises `ApiError`."""
    if not role_arn:
        return
    name = role_arn.rsplit("/", 1)[-1]
    role = seams.get("iam.roles").get_scoped(context.account(), None, name) or {}
    document = role.get("AssumeRolePolicyDocument") or "{}"
    if role.get("Arn") != role_arn or SERVICE not in str(document):
        raise validation(f"Role {role_arn} is invalid or cannot be assumed")
    refusal = seams.get("iam.enforce")(
        caller_key, "iam:PassRole", "iam", context.region(), role_arn, {"iam:passedtoservice": SERVICE}
    )
    if refusal is not None:
        who = getattr(refusal, "principal_arn", caller_key)
        raise ApiError(
            "AccessDenied", f"User: {who} is not authorized to perform: iam:PassRole on resource: {role_arn}"
        )


def _resolve_parameters_as_caller(_: Engine) -> None:
    """Read what a template takes from Parameter Store with the permissions of who asks for the operation.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
    """
    from local.engine.cloudformation.permissions import check

    def wrap(original: Any) -> Any:
        def resolve(name_or_arn: str, version: Any = None, decrypt: bool = False) -> Any:
            path = name_or_arn.rsplit(":parameter/", 1)[-1].strip("/")
            check("ssm:GetParameters", f"arn:aws:ssm:{context.region()}:{context.account()}:parameter/{path}")
            return original(name_or_arn, version, decrypt)

        return resolve

    seams.wrap("ssm.value", wrap)


def _stack_name(name_or_arn: str) -> str:
    return name_or_arn.split("/")[1] if name_or_arn.startswith("arn:") else name_or_arn


def _change_set_key(form: Form) -> str:
    name = form.get("ChangeSetName", "")
    return name if name.startswith("arn:") else f"{_stack_name(form.get('StackName', ''))} {name}"


def _as_xml(settings: Settings) -> str:
    triggers = "".join(
        f"<member><Arn>{escape(arn)}</Arn><Type>AWS::CloudWatch::Alarm</Type></member>" for arn in settings.triggers
    )
    role = f"<RoleARN>{escape(settings.role_arn)}</RoleARN>" if settings.role_arn else ""
    return (
        f"{role}<RollbackConfiguration><RollbackTriggers>{triggers}</RollbackTriggers>"
        f"<MonitoringTimeInMinutes>{settings.monitoring_minutes}</MonitoringTimeInMinutes></RollbackConfiguration>"
    )
