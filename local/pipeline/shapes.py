"""Records in the shapes that the CodePipeline API answers. Times are seconds since the epoch, as JSON 1.1 has them."""

from __future__ import annotations

from typing import Any

from local.pipeline.artifacts import Location
from local.pipeline.catalog import CatalogEntry
from local.pipeline.executions import ActionExecution, Execution, ExecutionStore, Revision
from local.pipeline.model import Action, Stage

Shape = dict[str, Any]


def pipeline_summary(entry: CatalogEntry) -> Shape:
    return {
        "name": entry.key.name,
        "version": entry.pipeline.version,
        "pipelineType": entry.pipeline.pipeline_type,
        "executionMode": entry.pipeline.execution_mode,
        "created": entry.created,
        "updated": entry.updated,
    }


def pipeline(entry: CatalogEntry) -> Shape:
    return {
        "pipeline": dict(entry.shape),
        "metadata": {"pipelineArn": entry.key.arn, "created": entry.created, "updated": entry.updated},
    }


def execution_summary(execution: Execution) -> Shape:
    summary: Shape = {
        "pipelineExecutionId": execution.id,
        "status": execution.status.value,
        "statusSummary": execution.status_summary,
        "startTime": execution.started,
        "lastUpdateTime": execution.updated,
        "sourceRevisions": [_source_revision(revision) for revision in execution.revisions.values()],
        "trigger": _trigger(execution),
        "executionMode": execution.pipeline.execution_mode,
        "executionType": "STANDARD",
    }
    if execution.stop_requested:
        summary["stopTrigger"] = {"reason": execution.stop_reason}
    return summary


def execution(record: Execution) -> Shape:
    return {
        "pipelineName": record.key.name,
        "pipelineVersion": record.pipeline.version,
        "pipelineExecutionId": record.id,
        "status": record.status.value,
        "statusSummary": record.status_summary,
        "artifactRevisions": _artifact_revisions(record),
        "trigger": _trigger(record),
        "executionMode": record.pipeline.execution_mode,
        "executionType": "STANDARD",
        "variables": [],
    }


def pipeline_state(entry: CatalogEntry, store: ExecutionStore) -> Shape:
    executions = store.of(entry.key)
    return {
        "pipelineName": entry.key.name,
        "pipelineVersion": entry.pipeline.version,
        "stageStates": [_stage_state(entry, stage, executions, store) for stage in entry.pipeline.stages],
        "created": entry.created,
        "updated": entry.updated,
    }


def _stage_state(entry: CatalogEntry, stage: Stage, executions: list[Execution], store: ExecutionStore) -> Shape:
    state: Shape = {
        "stageName": stage.name,
        "inboundTransitionState": {"enabled": True},
        "actionStates": [_action_state(stage.name, action, executions) for action in stage.actions],
    }
    waiting = store.gate(entry.key, stage.name).waiting
    if inbound := next((e for e in executions if e.number == waiting), None):
        state["inboundExecution"] = {"pipelineExecutionId": inbound.id, "status": inbound.status.value}
        state["inboundExecutions"] = [state["inboundExecution"]]
    if latest := store.stage_status(entry.key, stage.name):
        state["latestExecution"] = {"pipelineExecutionId": latest.execution_id, "status": latest.status.value}
    return state


def _action_state(stage: str, action: Action, executions: list[Execution]) -> Shape:
    state: Shape = {"actionName": action.name}
    runs = [(record, e) for e in executions if (record := e.last(stage, action.name))]
    if not runs:
        return state
    record, owner = max(runs, key=lambda run: run[0].started)
    latest: Shape = {
        "actionExecutionId": record.id,
        "status": record.status.value,
        "summary": record.summary,
        "lastStatusChange": record.updated,
        "externalExecutionId": record.external_id,
        "externalExecutionUrl": record.external_url,
        "lastUpdatedBy": record.updated_by,
        "token": record.token,
    }
    if record.error_code:
        latest["errorDetails"] = {"code": record.error_code, "message": record.error_message}
    state["latestExecution"] = {key: value for key, value in latest.items() if value != ""}
    revision = owner.revisions.get(action.name)
    if revision and action.type.category == "Source":
        state["currentRevision"] = {
            "revisionId": revision.commit_id, "revisionChangeId": revision.commit_id, "created": record.started
        }  # fmt: skip
    return state


def action_execution(execution: Execution, record: ActionExecution) -> Shape:
    kind = record.action.type
    result: Shape = {
        "externalExecutionId": record.external_id,
        "externalExecutionSummary": record.error_message or record.summary,
        "externalExecutionUrl": record.external_url,
    }
    if record.error_code:
        result["errorDetails"] = {"code": record.error_code, "message": record.error_message}
    # Only an approval is changed by somebody.
    by = {"updatedBy": record.updated_by} if record.updated_by else {}
    return {
        **by,
        "pipelineExecutionId": execution.id,
        "actionExecutionId": record.id,
        "pipelineVersion": record.version,
        "stageName": record.stage,
        "actionName": record.action.name,
        "startTime": record.started,
        "lastUpdateTime": record.updated,
        "status": record.status.value,
        "input": {
            "actionTypeId": {
                "category": kind.category, "owner": kind.owner, "provider": kind.provider, "version": kind.version
            },
            "configuration": dict(record.action.configuration),
            "resolvedConfiguration": dict(record.configuration),
            "roleArn": record.action.role_arn,
            "region": record.action.region or execution.key.region,
            "inputArtifacts": [_artifact(location) for location in record.inputs],
            "namespace": record.action.namespace,
        },
        "output": {
            "outputArtifacts": [_artifact(location) for location in record.outputs],
            "executionResult": result,
            "outputVariables": dict(record.variables),
        },
    }  # fmt: skip


def _artifact(location: Location) -> Shape:
    return {"name": location.name, "s3location": {"bucket": location.bucket, "key": location.key}}


def _source_revision(revision: Revision) -> Shape:
    return {"actionName": revision.action, "revisionId": revision.commit_id, "revisionSummary": revision.summary}


def _artifact_revisions(record: Execution) -> list[Shape]:
    outputs = {action.name: action.outputs for action in record.pipeline.sources()}
    return [
        {"name": name, "revisionId": revision.commit_id, "revisionSummary": revision.summary, "created": record.started}
        for revision in record.revisions.values()
        for name in outputs.get(revision.action, ())
    ]


def _trigger(record: Execution) -> Shape:
    return {"triggerType": record.trigger_type, "triggerDetail": record.trigger_detail}
