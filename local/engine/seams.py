"""The only place that names ministack's attributes.

ministack is pinned, but its private parts promise nothing. `check` compares every attribute and signature
used here with what is installed and fails at start with a list, so an upgrade breaks here and not in a
payment. Other engine modules reach ministack only by `get` and `replace`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

PINNED = "1.5.33"


class SeamBrokenError(RuntimeError):
    """The installed ministack is not the one that this engine was written for."""


@dataclass(frozen=True, kw_only=True)
class Seam:
    """`target` is `module:attribute.path`; `parameters` its exact parameter names, None if not a function.

    `instance_attributes` are what a class sets on its instances and we read there.
    """

    target: str
    parameters: tuple[str, ...] | None = None
    instance_attributes: tuple[str, ...] = ()


DEPLOY_STACK = (
    "stack_name",
    "stack_id",
    "template",
    "param_values",
    "disable_rollback",
    "tags",
    "is_update",
    "previous_stack",
    "retain_except_on_create",
    "imports",
)
SEAMS: dict[str, Seam] = {
    # -- engine room -------------------------------------------------------------------------------
    "account": Seam(target="ministack.core.responses:get_account_id", parameters=()),
    "region": Seam(target="ministack.core.responses:get_region", parameters=()),
    "request_scope": Seam(target="ministack.core.responses:request_scope", parameters=("account_id", "region")),
    "account_region_dict": Seam(target="ministack.core.responses:AccountRegionScopedDict"),
    "run_reentrant": Seam(target="ministack.core.concurrency:run_reentrant", parameters=("fn", "args", "thread_name")),
    "app": Seam(target="ministack.app:app", parameters=("scope", "receive", "send")),
    "services": Seam(target="ministack.app:SERVICE_HANDLERS"),
    "routing.patterns": Seam(target="ministack.core.router:SERVICE_PATTERNS"),
    "iam.namespaces": Seam(target="ministack.core.iam_actions:SERVICE_TO_IAM_NAMESPACE"),
    "iam.resource_arn": Seam(
        target="ministack.core.iam_actions:extract_resource_arn",
        parameters=("service", "method", "path", "headers", "body", "query_params", "region", "account_id"),
    ),
    "cloudformation.handlers": Seam(target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS"),
    "cloudformation.resolve_document": Seam(
        target="ministack.services.cloudformation.helpers:_resolve_document",
        parameters=("params", "body_key", "url_key", "label"),
    ),
    "cloudformation.on_worker_thread": Seam(
        target="ministack.services.cloudformation.stacks:_runs_on_worker_thread", parameters=("resource_type",)
    ),
    "cloudformation.provision": Seam(
        target="ministack.services.cloudformation.stacks:_provision_resource",
        parameters=("resource_type", "logical_id", "props", "stack_name"),
    ),
    "cloudformation.update": Seam(
        target="ministack.services.cloudformation.stacks:_update_resource",
        parameters=("resource_type", "physical_id", "old_props", "new_props", "stack_name", "logical_id", "old_attrs"),
    ),
    "cloudformation.delete": Seam(
        target="ministack.services.cloudformation.stacks:_delete_resource",
        parameters=("resource_type", "physical_id", "props", "stack_name", "logical_id"),
    ),
    "cloudformation.stacks": Seam(target="ministack.services.cloudformation:_stacks"),
    "cloudformation.deploy_stack": Seam(
        target="ministack.services.cloudformation.handlers:_deploy_stack_async", parameters=DEPLOY_STACK
    ),
    "cloudformation.deploy_change_set": Seam(
        target="ministack.services.cloudformation.changesets:_deploy_stack_async", parameters=DEPLOY_STACK
    ),
    "cloudformation.delete_stack": Seam(
        target="ministack.services.cloudformation.handlers:_delete_stack_async",
        parameters=("stack_name", "stack_id", "retain_resources", "force"),
    ),
    # What OnFailure=DELETE calls.
    "cloudformation.delete_failed_stack": Seam(
        target="ministack.services.cloudformation.stacks:_delete_stack_async",
        parameters=("stack_name", "stack_id", "retain_resources", "force"),
    ),
    "cloudformation.continue_rollback": Seam(
        target="ministack.services.cloudformation.handlers:_continue_update_rollback_async",
        parameters=("stack_name", "stack_id", "resources_to_skip"),
    ),
    "cloudformation.roll_back_stack": Seam(
        target="ministack.services.cloudformation.handlers:_roll_back_operation",
        parameters=("stack_name", "stack_id", "stack", "operation", "reason_override"),
    ),
    "cloudformation.roll_back": Seam(
        target="ministack.services.cloudformation.stacks:_roll_back_operation",
        parameters=("stack_name", "stack_id", "stack", "operation", "reason_override"),
    ),
    "cloudformation.add_event": Seam(
        target="ministack.services.cloudformation.stacks:_add_event",
        parameters=(
            "stack_id",
            "stack_name",
            "logical_id",
            "resource_type",
            "status",
            "reason",
            "physical_id",
            "detailed_status",
        ),
    ),
    "ssm.value": Seam(
        target="ministack.services.ssm:resolve_parameter_value", parameters=("name_or_arn", "version", "decrypt")
    ),
    "sts.register_session": Seam(
        target="ministack.services.sts:register_session", parameters=("access_key", "session")
    ),
    "sigv4.access_key": Seam(
        target="ministack.core.router:extract_access_key_id", parameters=("headers", "query_params")
    ),
    "waf.associations": Seam(target="ministack.services.waf:_associations"),
    "waf.web_acls": Seam(target="ministack.services.waf:_web_acls"),
    "dynamodb.tables": Seam(target="ministack.services.dynamodb:_tables"),
    "secrets.resolve": Seam(
        target="ministack.services.secretsmanager:_resolve", parameters=("secret_id", "use_arn_scope")
    ),
    "secrets.all": Seam(target="ministack.services.secretsmanager:_secrets"),
    "rds.clusters": Seam(target="ministack.services.rds:_clusters"),
    "rds.instances": Seam(target="ministack.services.rds:_instances"),
    "lambda.functions": Seam(target="ministack.services.lambda_svc:_functions"),
    "lambda.layers": Seam(target="ministack.services.lambda_svc:_layers"),
    "lambda.layer_zip": Seam(target="ministack.services.lambda_svc:_resolve_layer_zip", parameters=("attachment",)),
    "lambda.reserved_concurrency": Seam(
        target="ministack.services.lambda_svc:_reserved_concurrency", parameters=("func", "config")
    ),
    "lambda.runtime_program": Seam(
        target="ministack.core.lambda_runtime:_detect_runtime_binary", parameters=("runtime",)
    ),
    "lambda.python_worker": Seam(target="ministack.core.lambda_runtime:_PYTHON_WORKER_SCRIPT"),
    "lambda.acquire_worker": Seam(
        target="ministack.services.lambda_svc:acquire_worker",
        parameters=("func_name", "config", "code_zip", "qualifier", "max_concurrency"),
    ),
    "lambda.worker": Seam(
        target="ministack.core.lambda_runtime:Worker",
        instance_attributes=("_proc", "_stderr_queue", "config", "in_use", "last_used"),
    ),
    "lambda.start_worker": Seam(target="ministack.core.lambda_runtime:Worker._spawn", parameters=("self",)),
    "lambda.release_worker": Seam(target="ministack.core.lambda_runtime:release_worker", parameters=("worker",)),
    "lambda.put_provisioned": Seam(
        target="ministack.services.lambda_svc:_put_provisioned_concurrency",
        parameters=("func_name", "qualifier", "data"),
    ),
    "lambda.workers": Seam(target="ministack.core.lambda_runtime:_workers"),
    "lambda.workers_lock": Seam(target="ministack.core.lambda_runtime:_lock"),
    "lambda.kill_workers": Seam(target="ministack.core.lambda_runtime:kill_workers", parameters=("workers",)),
    "lambda.worker_limit": Seam(target="ministack.core.lambda_runtime:_LOCAL_MAX_WORKERS"),
    "lambda.drain_log": Seam(
        target="ministack.core.lambda_runtime:Worker._drain_stderr_bounded",
        parameters=("self", "first_line_wait", "idle_confirm", "hard_cap"),
    ),
    "lambda.execute_warm": Seam(
        target="ministack.services.lambda_svc:_execute_function_warm", parameters=("func", "event", "request_id")
    ),
    "iam.enforce": Seam(
        target="ministack.core.iam_evaluator:enforce",
        parameters=("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context"),
    ),
    "iam.roles": Seam(target="ministack.services.iam:_roles"),
    "iam.parse_policy": Seam(target="ministack.core.iam_evaluator:parse_policy_document", parameters=("doc",)),
    "iam.account_from_arn": Seam(target="ministack.core.iam_evaluator:_account_from_arn", parameters=("arn",)),
    "iam.caller": Seam(target="ministack.core.iam_evaluator:resolve_caller_identity", parameters=("access_key_id",)),
    "s3.action": Seam(target="ministack.core.iam_actions:_s3_action", parameters=("method", "path", "query_params")),
    "s3.bucket_policies": Seam(target="ministack.services.s3:_bucket_policies"),
    "s3.bucket_owner": Seam(target="ministack.services.s3:_bucket_owner_account"),
    "s3.foreign_bucket_allows": Seam(
        target="ministack.services.s3:_foreign_bucket_allows",
        parameters=("owner_account", "bucket_name", "key", "method", "query_params", "caller", "headers"),
    ),
    "s3.write_encryption": Seam(
        target="ministack.services.s3:_resolve_sse_write_headers", parameters=("headers", "bucket_name")
    ),
    "s3.request_access_key": Seam(target="ministack.services.s3:_request_access_key"),
    "lambda.emit_metrics": Seam(
        target="ministack.services.lambda_svc:_emit_lambda_metrics",
        parameters=("function_name", "duration_ms", "error", "throttle"),
    ),
    "lambda.in_flight": Seam(target="ministack.services.lambda_svc:executions_in_flight", parameters=()),
    "lambda.execute": Seam(target="ministack.services.lambda_svc:_execute_function", parameters=("func", "event")),
    "lambda.event_sources": Seam(target="ministack.services.lambda_svc:_esms"),
    "lambda.stream_failure": Seam(
        target="ministack.services.lambda_svc:_send_ddb_stream_failure_record",
        parameters=("esm", "func_rec", "batch", "stream_arn", "result", "condition"),
    ),
    "lambda.emit_logs": Seam(
        target="ministack.services.lambda_svc:_emit_lambda_logs",
        parameters=("func", "request_id", "log_text", "error", "duration_ms", "log_source"),
    ),
    "cloudwatch.record": Seam(
        target="ministack.services.cloudwatch:record_metric",
        parameters=("namespace", "metric_name", "value", "unit", "dimensions"),
    ),
    "cloudwatch.evict": Seam(target="ministack.services.cloudwatch:_evict_old_metrics", parameters=()),
    "cloudwatch.metrics": Seam(target="ministack.services.cloudwatch:_metrics"),
    "cloudwatch.alarms": Seam(target="ministack.services.cloudwatch:_alarms"),
    "cloudwatch.dispatch": Seam(
        target="ministack.services.cloudwatch:_dispatch_alarm_actions",
        parameters=("alarm", "old_state", "new_state", "reason"),
    ),
    "cloudwatch.history": Seam(target="ministack.services.cloudwatch:_history_entries", parameters=()),
    "sns.allows": Seam(
        target="ministack.services.sns:topic_policy_allows",
        parameters=("topic_arn", "service", "source_arn", "source_account"),
    ),
    "sns.fanout": Seam(
        target="ministack.services.sns:_fanout",
        parameters=(
            "topic_arn",
            "msg_id",
            "message",
            "subject",
            "message_structure",
            "message_attributes",
            "message_group_id",
            "message_dedup_id",
        ),
    ),
    "cloudwatch.composite_alarms": Seam(target="ministack.services.cloudwatch:_composite_alarms"),
    "cloudwatch.first_alarm": Seam(
        target="ministack.services.cloudwatch:first_alarm_time", parameters=("alarm_arn", "start", "end")
    ),
    "cloudwatch.dimensions_key": Seam(target="ministack.services.cloudwatch:_dims_key", parameters=("dims",)),
    "cloudwatch.store": Seam(
        target="ministack.services.cloudwatch:_store_datum",
        parameters=("namespace", "name", "dims", "ts", "unit", "value", "values", "counts", "stat_values"),
    ),
    "logs.metric_filters": Seam(target="ministack.services.cloudwatch_logs:_metric_filters"),
    "logs.matcher": Seam(target="ministack.services.cloudwatch_logs:_compile_filter_pattern", parameters=("raw",)),
    "logs.subscription_matches": Seam(
        target="ministack.services.cloudwatch_logs:_subscription_pattern_matches", parameters=("pattern", "message")
    ),
    # Both PutLogEvents and functions' logs pass here with their group.
    "logs.stored": Seam(
        target="ministack.services.cloudwatch_logs:_fanout_to_subscription_filters",
        parameters=("group_name", "stream_name", "events"),
    ),
    "cloudwatch.set_alarm_tags": Seam(
        target="ministack.services.cloudwatch:cloudformation_set_metric_alarm_tags", parameters=("name", "tags")
    ),
    "cloudwatch.statistics": Seam(target="ministack.services.cloudwatch:_calc_stats", parameters=("points",)),
    "cloudwatch.statistic": Seam(
        target="ministack.services.cloudwatch:_stat_value", parameters=("stats", "stat_name", "points")
    ),
    "cloudwatch.evaluate_alarm": Seam(target="ministack.services.cloudwatch:_evaluate_alarm", parameters=("alarm",)),
    # -- load balancer -----------------------------------------------------------------------------
    "lambda.function_policy": Seam(
        target="ministack.services.lambda_svc:function_policy_for_arn", parameters=("resource_arn",)
    ),
    "iam.eval_context": Seam(
        target="ministack.core.iam_evaluator:EvalContext",
        parameters=(
            "principal_arn",
            "principal_type",
            "principal_account",
            "action",
            "resource_arn",
            "region",
            "source_ip",
            "secure_transport",
            "request_tags",
            "tag_keys",
            "service_context",
            "principal_keys",
        ),
    ),
    "iam.evaluate_resource_policy": Seam(
        target="ministack.core.iam_evaluator:evaluate_resource_policy",
        parameters=("doc", "ctx", "service", "named_only", "direct_only"),
    ),
    "iam.condition_key": Seam(target="ministack.core.iam_evaluator:_resolve_condition_key", parameters=("key", "ctx")),
    "iam.lambda_action": Seam(target="ministack.core.iam_actions:_lambda_action", parameters=("method", "path")),
    # -- API Gateway -------------------------------------------------------------------------------
    "sigv4.parse": Seam(target="ministack.core.sigv4:parse_header_signature", parameters=("headers",)),
    "sigv4.time_failure": Seam(target="ministack.core.sigv4:request_time_failure", parameters=("signature", "now")),
    "sigv4.failure": Seam(
        target="ministack.core.sigv4:header_signature_failure",
        parameters=(
            "signature",
            "secret",
            "method",
            "raw_path",
            "query_params",
            "headers",
            "body",
            "presigned",
            "explain",
        ),
    ),
    "sts.account_of_session": Seam(
        target="ministack.core.responses:_account_from_sts_session", parameters=("access_key_id",)
    ),
    "iam.account_of_key": Seam(
        target="ministack.core.iam_evaluator:find_iam_access_key_account", parameters=("access_key_id",)
    ),
    "iam.credential": Seam(
        target="ministack.core.iam_evaluator:resolve_credential",
        parameters=("access_key_id", "account_id", "session_token"),
    ),
    "iam.principal": Seam(
        target="ministack.core.iam_evaluator:resolve_principal",
        parameters=("access_key_id", "account_id", "credential"),
    ),
    "iam.result": Seam(
        target="ministack.core.iam_evaluator:EvalResult",
        parameters=("decision", "principal_arn", "matched_sid", "reason", "resource_policy_arn"),
    ),
    "iam.evaluate": Seam(target="ministack.core.iam_evaluator:evaluate", parameters=("ctx", "policies", "limits")),
    "iam.combine": Seam(
        target="ministack.core.iam_evaluator:combine_resource_policy",
        parameters=("identity", "ctx", "policy", "owner_account", "required", "limits"),
    ),
    # -- pipeline ----------------------------------------------------------------------------------
    "events.put": Seam(target="ministack.services.eventbridge:_put_events", parameters=("data", "allow_aws_source")),
    "events.deliver": Seam(
        target="ministack.services.eventbridge:_invoke_target", parameters=("target", "event", "rule", "view")
    ),
}


def check() -> None:
    """Raise `SeamBrokenError` naming every attribute that is missing or whose parameters changed."""
    faults = [] if metadata.version("ministack") == PINNED else [_wrong_version()]
    faults += [fault for name, seam in SEAMS.items() if (fault := _fault(name, seam))]
    if faults:
        raise SeamBrokenError("ministack does not fit local/engine/seams.py:\n  " + "\n  ".join(faults))


def get(name: str) -> Any:
    """The attribute behind seam `name`, as it is now (replaced or original)."""
    owner, attribute = _owner(SEAMS[name])
    return getattr(owner, attribute)


def attribute(name: str, instance: Any, attribute_name: str) -> Any:
    """An attribute of an instance of the class behind seam `name`; the seam must list it."""
    if attribute_name not in SEAMS[name].instance_attributes:
        raise SeamBrokenError(f"{name} does not list the attribute {attribute_name}")
    return getattr(instance, attribute_name)


def replace(name: str, value: Any) -> Any:
    """Put `value` in the place of seam `name` and return what was there before."""
    owner, attribute = _owner(SEAMS[name])
    before = getattr(owner, attribute)
    setattr(owner, attribute, value)
    return before


def wrap(name: str, make: Callable[[Any], Any]) -> None:
    """Replace seam `name` by `make(original)`."""
    replace(name, make(get(name)))


def _owner(seam: Seam) -> tuple[Any, str]:
    module, _, path = seam.target.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, attribute = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    return owner, attribute


def _fault(name: str, seam: Seam) -> str | None:
    try:
        owner, attribute = _owner(seam)
        value = getattr(owner, attribute)
    except (ImportError, AttributeError) as error:
        return f"{name}: {seam.target} is gone ({error})"
    source = inspect.getsource(value) if seam.instance_attributes else ""
    gone = [name for name in seam.instance_attributes if f"self.{name}" not in source]
    if gone:
        return f"{name}: {seam.target} no longer sets {', '.join(gone)}"
    if seam.parameters is None:
        return None
    found = tuple(inspect.signature(value).parameters)
    if found != seam.parameters:
        return f"{name}: {seam.target} takes {found}, expected {seam.parameters}"
    return None


def _wrong_version() -> str:
    return f"version {metadata.version('ministack')} is installed, {PINNED} is expected"
