"""From AWS::CodePipeline::Pipeline's resolved properties to the shape that GetPipeline answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.pipeline.errors import UnsupportedError

PROPERTIES = frozenset(
    {
        "ArtifactStore", "ArtifactStores", "DisableInboundStageTransitions", "ExecutionMode", "Name", "PipelineType",
        "RestartExecutionOnUpdate", "RoleArn", "Stages", "Tags", "Triggers",
    }
)  # fmt: skip
# The keys below these are the user's own and keep their case.
_OPAQUE = frozenset({"configuration"})


def shape_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    """GetPipeline's `pipeline`, without name and version. Raises UnsupportedError for disabled transitions."""
    if properties.get("DisableInboundStageTransitions"):
        raise UnsupportedError("pipeline: DisableInboundStageTransitions")
    described: dict[str, Any] = camel(
        {k: v for k, v in properties.items() if k not in {"Name", "Tags", "RestartExecutionOnUpdate"}}
    )
    described.pop("disableInboundStageTransitions", None)
    for stage in described["stages"]:
        stage["actions"] = [_action(action) for action in stage["actions"]]
    if "artifactStores" in described:
        described["artifactStores"] = {s["region"]: s["artifactStore"] for s in described["artifactStores"]}
    described.setdefault("executionMode", "SUPERSEDED")
    described.setdefault("pipelineType", "V1")
    return described


def restarts_on_update(properties: Mapping[str, Any]) -> bool:
    return _text(properties.get("RestartExecutionOnUpdate", False)) == "true"


def _action(action: dict[str, Any]) -> dict[str, Any]:
    configuration = {key: _text(value) for key, value in (action.get("configuration") or {}).items()}
    return {
        "inputArtifacts": [],
        "outputArtifacts": [],
        **action,
        "configuration": configuration,
        "runOrder": int(action.get("runOrder", 1)),
    }


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def camel(value: Any) -> Any:
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    named = {key[:1].lower() + key[1:]: item for key, item in value.items()}
    return {key: item if key in _OPAQUE else camel(item) for key, item in named.items()}
