"""A definition is refused by name, before anything runs, when the runner could not run it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from local.pipeline.actions import ACTIONS
from local.pipeline.definition import restarts_on_update, shape_of
from local.pipeline.errors import UnsupportedError
from local.pipeline.model import parse_pipeline
from local.pipeline.providers import CONFIGURATION_KEYS
from tests.local_pipeline.world import action, build_action, definition, stage

Shape = dict[str, Any]
PULL_REQUESTS = {
    "providerType": "CodeStarSourceConnection",
    "gitConfiguration": {"sourceActionName": "Push", "pullRequest": [{"branches": {"includes": ["main"]}}]},
}
IMPORT = {"StackName": "s", "ActionMode": "IMPORT"}


def shape(**more: Any) -> Shape:
    return {"name": "p", "version": 3, **definition(stage("Build", build_action("Synth")), **more)}


def with_trigger(**push: Any) -> Shape:
    git = {"sourceActionName": "Push", "push": [push]}
    return shape(triggers=[{"providerType": "CodeStarSourceConnection", "gitConfiguration": git}])


def changed(change: Callable[[Shape], object]) -> Shape:
    made = copy.deepcopy(shape())
    change(made)
    return made


def push(made: Shape) -> Shape:
    found: Shape = made["stages"][0]["actions"][0]
    return found


def build(made: Shape) -> Shape:
    found: Shape = made["stages"][1]["actions"][0]
    return found


def test_a_definition_is_read_with_its_defaults() -> None:
    pipeline = parse_pipeline(shape())
    assert (pipeline.name, pipeline.version, pipeline.store("any-region").bucket) == ("p", 3, "artifacts")
    assert [s.name for s in pipeline.stages] == ["Source", "Build"]
    assert pipeline.sources()[0].outputs == ("Source",)
    assert pipeline.triggers == ()


def test_a_push_trigger_names_its_branches() -> None:
    trigger = parse_pipeline(with_trigger(branches={"includes": ["main"]})).triggers[0]
    assert (trigger.source_action, trigger.branches) == ("Push", ("main",))


@pytest.mark.parametrize(
    ("refused", "named"),
    [
        (shape(executionMode="QUEUED"), "QUEUED"),
        (shape(variables=[{"name": "V"}]), "variables"),
        (with_trigger(branches={"includes": ["release/*"]}), "release/"),
        (with_trigger(branches={"includes": ["main"]}, filePaths={"includes": ["a"]}), "filePaths"),
        (with_trigger(branches={"excludes": ["x"]}), "excludes"),
        (shape(triggers=[PULL_REQUESTS]), "pullRequest"),
        (changed(lambda s: s["stages"][1].update(onFailure={"result": "ROLLBACK"})), "onFailure"),
        (changed(lambda s: s["stages"][1].update(blockers=[{"name": "b"}])), "blockers"),
        (changed(lambda s: build(s).update(commands=["ls"])), "commands"),
        (changed(lambda s: build(s)["actionTypeId"].update(provider="Jenkins")), "Build/Jenkins"),
        (changed(lambda s: build(s)["configuration"].update(BatchEnabled="true")), "BatchEnabled"),
        (changed(lambda s: push(s)["configuration"].update(OutputArtifactFormat="CODEBUILD_CLONE_REF")), "CLONE_REF"),
        (shape(stages=[stage("D", action("X", "Deploy", "CloudFormation", IMPORT))]), "IMPORT"),
        (shape(stages=[stage("B", build_action("Synth"))]), "no earlier action makes Source"),
        (shape(artifactStore={"type": "GCS", "location": "b"}), "GCS"),
    ],
)
def test_what_the_runner_cannot_do_is_refused_by_name(refused: Shape, named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        parse_pipeline(refused)


def test_every_provider_that_is_accepted_has_an_action_and_the_other_way_round() -> None:
    assert set(ACTIONS) == set(CONFIGURATION_KEYS)


def test_template_properties_become_the_shape_of_the_api() -> None:
    made = shape_of(
        {
            "Name": "p",
            "RoleArn": "arn:aws:iam::1:role/r",
            "RestartExecutionOnUpdate": True,
            "ArtifactStores": [{"Region": "us-east-1", "ArtifactStore": {"Type": "S3", "Location": "b"}}],
            "Stages": [
                {
                    "Name": "Source",
                    "Actions": [
                        {
                            "Name": "Push",
                            "ActionTypeId": {"Category": "Source", "Owner": "AWS", "Provider": "X", "Version": "1"},
                            "Configuration": {"BranchName": "main", "DetectChanges": False, "Limit": 3},
                            "OutputArtifacts": [{"Name": "Source"}],
                            "RunOrder": "2",
                        }
                    ],
                }
            ],
        }
    )
    push = made["stages"][0]["actions"][0]
    assert push["configuration"] == {"BranchName": "main", "DetectChanges": "false", "Limit": "3"}
    assert push["runOrder"] == 2
    assert push["actionTypeId"]["category"] == "Source"
    assert made["artifactStores"] == {"us-east-1": {"type": "S3", "location": "b"}}
    assert "name" not in made
    assert "restartExecutionOnUpdate" not in made


@pytest.mark.parametrize(("value", "restarts"), [(True, True), ("true", True), (False, False), ("false", False)])
def test_restart_on_update_is_read_from_the_template(value: object, restarts: bool) -> None:
    assert restarts_on_update({"RestartExecutionOnUpdate": value}) is restarts


def test_disabled_transitions_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="DisableInboundStageTransitions"):
        shape_of({"Stages": [], "DisableInboundStageTransitions": [{"StageName": "Prod"}]})
