"""A pipeline's definition, parsed from the shape that codepipeline:GetPipeline answers.

What this runner cannot do is refused here, by name, before anything has run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.pipeline.errors import UnsupportedError
from local.pipeline.providers import check_configuration

Shape = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ArtifactStore:
    """A bucket that holds artifacts, and the key that encrypts them (empty: the bucket's own encryption)."""

    bucket: str
    encryption_key: str = ""


@dataclass(frozen=True, kw_only=True)
class ActionType:
    category: str
    owner: str
    provider: str
    version: str

    @property
    def kind(self) -> tuple[str, str]:
        return self.category, self.provider


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action of a stage. `configuration` may still hold `#{namespace.variable}`."""

    name: str
    type: ActionType
    run_order: int
    configuration: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    role_arn: str = ""
    namespace: str = ""
    region: str = ""
    timeout_minutes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Stage:
    name: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, kw_only=True)
class PushTrigger:
    """A push to one of `branches` starts the pipeline with that commit for the source action."""

    source_action: str
    branches: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """One version of a pipeline's definition."""

    name: str
    version: int
    role_arn: str
    stages: tuple[Stage, ...]
    stores: Mapping[str, ArtifactStore]
    pipeline_type: str = "V1"
    execution_mode: str = "SUPERSEDED"
    triggers: tuple[PushTrigger, ...] = ()

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

    def store(self, region: str) -> ArtifactStore:
        """The artifact store of a region. Raises UnsupportedError when the pipeline has none there."""
        try:
            return self.stores.get("") or self.stores[region]
        except KeyError:
            raise UnsupportedError(f"pipeline {self.name} has no artifact store in {region}") from None

    def sources(self) -> tuple[Action, ...]:
        return tuple(a for stage in self.stages for a in stage.actions if a.type.category == "Source")


def parse_pipeline(shape: Shape) -> Pipeline:
    """Parse GetPipeline's `pipeline` member. Raises UnsupportedError naming the first thing that is not supported."""
    name = str(shape["name"])
    _only(
        shape,
        {
            "name", "roleArn", "artifactStore", "artifactStores", "stages", "version", "executionMode", "pipelineType",
            "triggers",
        },
        f"pipeline {name}",
    )  # fmt: skip
    mode = str(shape.get("executionMode", "SUPERSEDED"))
    if mode != "SUPERSEDED":
        raise UnsupportedError(f"pipeline {name}: execution mode {mode} (only SUPERSEDED)")
    pipeline = Pipeline(
        name=name,
        version=int(shape.get("version", 1)),
        role_arn=str(shape["roleArn"]),
        stages=tuple(_stage(stage) for stage in shape["stages"]),
        stores=_stores(shape),
        pipeline_type=str(shape.get("pipelineType", "V1")),
        execution_mode=mode,
        triggers=tuple(_trigger(name, trigger) for trigger in shape.get("triggers") or ()),
    )
    _check_structure(pipeline)
    return pipeline


def _trigger(pipeline: str, shape: Shape) -> PushTrigger:
    label = f"trigger of pipeline {pipeline}"
    _only(shape, {"providerType", "gitConfiguration"}, label)
    git = shape["gitConfiguration"]
    _only(git, {"sourceActionName", "push"}, label)
    branches: list[str] = []
    for push in git.get("push") or ():
        _only(push, {"branches"}, label)
        _only(push["branches"], {"includes"}, label)
        branches += [str(branch) for branch in push["branches"]["includes"]]
    patterns = [branch for branch in branches if set(branch) & set("*?[{!")]
    if patterns:
        raise UnsupportedError(f"{label}: branch pattern {', '.join(patterns)}")
    return PushTrigger(source_action=str(git["sourceActionName"]), branches=tuple(branches))


def _stores(shape: Shape) -> dict[str, ArtifactStore]:
    if "artifactStores" in shape:
        return {region: _store(store) for region, store in shape["artifactStores"].items()}
    return {"": _store(shape["artifactStore"])}


def _store(shape: Shape) -> ArtifactStore:
    if shape.get("type", "S3") != "S3":
        raise UnsupportedError(f"artifact store of type {shape['type']}")
    return ArtifactStore(
        bucket=str(shape["location"]), encryption_key=str((shape.get("encryptionKey") or {}).get("id", ""))
    )


def _stage(shape: Shape) -> Stage:
    name = str(shape["name"])
    _only(shape, {"name", "actions"}, f"stage {name}", ignorable=("blockers",))
    return Stage(name=name, actions=tuple(_action(name, action) for action in shape["actions"]))


def _action(stage: str, shape: Shape) -> Action:
    label = f"action {stage}/{shape['name']}"
    _only(
        shape,
        {
            "name", "actionTypeId", "runOrder", "configuration", "inputArtifacts", "outputArtifacts",
            "roleArn", "namespace", "region", "timeoutInMinutes",
        },
        label,
    )  # fmt: skip
    kind = shape["actionTypeId"]
    timeout = shape.get("timeoutInMinutes")
    action = Action(
        name=str(shape["name"]),
        type=ActionType(
            category=kind["category"], owner=kind["owner"], provider=kind["provider"], version=str(kind["version"])
        ),
        run_order=int(shape.get("runOrder", 1)),
        configuration={key: str(value) for key, value in (shape.get("configuration") or {}).items()},
        inputs=tuple(str(a["name"]) for a in shape.get("inputArtifacts") or ()),
        outputs=tuple(str(a["name"]) for a in shape.get("outputArtifacts") or ()),
        role_arn=str(shape.get("roleArn") or ""),
        namespace=str(shape.get("namespace") or ""),
        region=str(shape.get("region") or ""),
        timeout_minutes=int(timeout) if timeout else None,
    )
    check_configuration(label, action.type.kind, action.configuration)
    return action


def _only(shape: Shape, known: set[str], label: str, *, ignorable: Iterable[str] = ()) -> None:
    """Refuse every key that is set and not known; `ignorable` keys may be there but must be empty."""
    unknown = sorted(key for key, value in shape.items() if key not in known and (value or key not in ignorable))
    if unknown:
        raise UnsupportedError(f"{label}: {', '.join(unknown)}")


def _check_structure(pipeline: Pipeline) -> None:
    produced: set[str] = set()
    for stage in pipeline.stages:
        for action in sorted(stage.actions, key=lambda a: a.run_order):
            missing = [name for name in action.inputs if name not in produced]
            if missing:
                raise UnsupportedError(
                    f"action {stage.name}/{action.name}: no earlier action makes {', '.join(missing)}"
                )
            produced.update(action.outputs)
