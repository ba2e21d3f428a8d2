"""What a deployment does to both colours, for every state it can find."""

from collections.abc import Mapping
from typing import Any

import pytest

from release import names
from release.layout import FunctionState, ReleaseState
from release.names import FUNCTIONS, ROUTED, Colour
from tests.stages.intrinsics import Evaluation
from tests.stages.templates import Synthesis

SUFFIX = "dev"


def resources(template: Mapping[str, Any], type_: str) -> dict[str, dict[str, Any]]:
    return {key: value for key, value in template["Resources"].items() if value["Type"] == type_}


class Deployment:
    """The dev environment's templates, deployed onto a recorded state."""

    def __init__(self, synthesis: Synthesis, state: ReleaseState) -> None:
        parameters = {names.RELEASE_STATE_PARAMETER: state.to_list()}
        self._compute = synthesis.template(SUFFIX, "compute")
        self._api = synthesis.template(SUFFIX, "api")
        self._in_compute = Evaluation(self._compute, parameters)
        self._in_api = Evaluation(self._api, parameters)

    def aliases(self) -> dict[tuple[str, Colour], Any]:
        """What each alias holds: a recorded version number, or `new`."""
        found = {}
        for logical_id, alias in resources(self._compute, "AWS::Lambda::Alias").items():
            (function,) = [name for name in FUNCTIONS if logical_id.startswith(name.capitalize())]
            version = self._in_compute.value(alias["Properties"]["FunctionVersion"])
            found[function, Colour(alias["Properties"]["Name"])] = version if isinstance(version, str) else "new"
        return found

    def weights(self) -> list[tuple[int, int]]:
        """Blue's and green's weight on every rule that divides traffic."""
        found = []
        for rule in resources(self._api, "AWS::ElasticLoadBalancingV2::ListenerRule").values():
            groups = rule["Properties"]["Actions"][0]["ForwardConfig"]["TargetGroups"]
            if len(groups) == 2:
                blue, green = (self._in_api.value(group["Weight"]) for group in groups)
                found.append((blue, green))
        return found

    def stage_deployments(self) -> dict[str, Any]:
        return {
            stage["Properties"]["StageName"]: self._in_api.value(stage["Properties"]["DeploymentId"])
            for stage in resources(self._api, "AWS::ApiGateway::Stage").values()
        }


def release_ids(synthesis: Synthesis) -> dict[str, str]:
    outputs = synthesis.outputs(SUFFIX)
    return {name: outputs[f"{name.capitalize()}ReleaseId"]["Value"] for name in FUNCTIONS}


def recorded(live: Colour, release_ids: Mapping[str, str], *, blue: str = "7", green: str = "8") -> ReleaseState:
    return ReleaseState(
        live_colour=live,
        deployment_id="dep123",
        functions={name: FunctionState(release_id=release_ids[name], blue=blue, green=green) for name in FUNCTIONS},
    )


OLD_RELEASE = dict.fromkeys(FUNCTIONS, "ReleasedBefore")


def test_a_first_deployment_gives_both_colours_the_new_release_and_blue_the_traffic(synthesis: Synthesis) -> None:
    deployment = Deployment(synthesis, ReleaseState())
    assert set(deployment.aliases().values()) == {"new"}
    assert len(deployment.aliases()) == len(FUNCTIONS) * len(Colour)
    assert deployment.weights() == [(100, 0)] * len(ROUTED)
    assert all(isinstance(held, dict) for held in deployment.stage_deployments().values())


@pytest.mark.parametrize("live", Colour)
def test_new_code_goes_to_the_idle_colour_only(synthesis: Synthesis, live: Colour) -> None:
    aliases = Deployment(synthesis, recorded(live, OLD_RELEASE)).aliases()
    version = {Colour.BLUE: "7", Colour.GREEN: "8"}[live]
    assert {aliases[name, live] for name in FUNCTIONS} == {version}
    assert {aliases[name, live.other] for name in FUNCTIONS} == {"new"}


@pytest.mark.parametrize("live", Colour)
def test_the_live_colour_keeps_all_traffic(synthesis: Synthesis, live: Colour) -> None:
    weights = Deployment(synthesis, recorded(live, OLD_RELEASE)).weights()
    assert weights == [(100, 0) if live is Colour.BLUE else (0, 100)] * len(ROUTED)


@pytest.mark.parametrize("live", Colour)
def test_nothing_moves_when_the_live_release_is_deployed_again(synthesis: Synthesis, live: Colour) -> None:
    aliases = Deployment(synthesis, recorded(live, release_ids(synthesis))).aliases()
    assert {aliases[name, Colour.BLUE] for name in FUNCTIONS} == {"7"}
    assert {aliases[name, Colour.GREEN] for name in FUNCTIONS} == {"8"}


def test_a_change_of_one_function_makes_a_new_release_of_all(synthesis: Synthesis) -> None:
    """Colour stays within colour: the idle colour is one release, not a mixture."""
    state = recorded(Colour.BLUE, {**release_ids(synthesis), "fraud": "ReleasedBefore"})
    aliases = Deployment(synthesis, state).aliases()
    assert {aliases[name, Colour.GREEN] for name in FUNCTIONS} == {"new"}


def test_a_function_without_history_gets_the_new_version_on_both_colours(synthesis: Synthesis) -> None:
    state = recorded(Colour.GREEN, OLD_RELEASE)
    added = ReleaseState(
        live_colour=state.live_colour,
        deployment_id=state.deployment_id,
        functions={**state.functions, "fraud": FunctionState()},
    )
    aliases = Deployment(synthesis, added).aliases()
    assert aliases["fraud", Colour.GREEN] == aliases["fraud", Colour.BLUE] == "new"
    assert aliases["validation", Colour.GREEN] == "8"


def test_the_live_stage_keeps_its_deployment_and_previews_take_the_new_one(synthesis: Synthesis) -> None:
    held = Deployment(synthesis, recorded(Colour.GREEN, OLD_RELEASE)).stage_deployments()
    current = synthesis.outputs(SUFFIX)["ApiDeploymentId"]["Value"]
    assert held == {"live": "dep123", "preview-blue": current, "preview-green": current}


def test_versions_tell_their_release_and_survive_the_next_one(synthesis: Synthesis) -> None:
    versions = resources(synthesis.template(SUFFIX, "compute"), "AWS::Lambda::Version")
    assert sorted(versions) == sorted(release_ids(synthesis).values())
    for logical_id, version in versions.items():
        assert version["Properties"]["Description"] == logical_id
        assert version["DeletionPolicy"] == "RetainExceptOnCreate"
        assert version["UpdateReplacePolicy"] == "Retain"


def test_both_stacks_read_the_state_where_the_controller_writes_it(synthesis: Synthesis) -> None:
    for layer in ("compute", "api"):
        parameter = synthesis.template(SUFFIX, layer)["Parameters"][names.RELEASE_STATE_PARAMETER]
        assert parameter["Type"] == "AWS::SSM::Parameter::Value<List<String>>"
        assert parameter["Default"] == names.release_state_parameter(SUFFIX)
