"""Move traffic, aliases and the live stage: set, read back, and only then go on."""

from release.errors import NotApplied
from release.layout import ReleaseState
from release.model import ALL_TRAFFIC
from release.names import Colour
from release.ports import Environment

_READS = 10
_SECONDS_BETWEEN_READS = 1.0


def weights_for(colour: Colour, percent: int) -> dict[Colour, int]:
    """`percent` of the requests for `colour`, the rest for the other one."""
    return {colour: percent, colour.other: ALL_TRAFFIC - percent}


def set_weight(environment: Environment, colour: Colour, percent: int) -> None:
    """Give `colour` its share on every routed rule, in their fixed order. Raises `NotApplied`."""
    wanted = weights_for(colour, percent)
    for rule in environment.router.rules():
        if rule.weights != wanted:
            environment.router.set_weights(rule.arn, wanted, keep=environment.keep)
    for _ in range(_READS):
        if weights_hold(environment, colour, percent):
            return
        environment.wait(_SECONDS_BETWEEN_READS)
    raise NotApplied(f"{colour} should have {percent} % of every rule's traffic, and has not")


def weights_hold(environment: Environment, colour: Colour, percent: int) -> bool:
    wanted = weights_for(colour, percent)
    rules = environment.router.rules()
    return bool(rules) and all(rule.weights == wanted for rule in rules)


def point_aliases(environment: Environment, colour: Colour, state: ReleaseState) -> None:
    """Point the colour's aliases at the versions that were live in `state`. Raises `NotApplied`."""
    for name, version in state.versions(state.live_colour).items():
        if version is None or environment.functions.version(name, colour) == version:
            continue
        environment.keep()
        environment.functions.point(name, colour, version)
        if environment.functions.version(name, colour) != version:
            raise NotApplied(f"alias {colour} of {name} should hold version {version}, and does not")


def move_stage(environment: Environment, deployment_id: str | None) -> None:
    """Serve the deployment on the live stage. Nothing recorded, nothing moved. Raises `NotApplied`."""
    if deployment_id is None or environment.api_stage.deployment_id() == deployment_id:
        return
    environment.api_stage.deploy(deployment_id, keep=environment.keep)
    if environment.api_stage.deployment_id() != deployment_id:
        raise NotApplied(f"the live stage should serve deployment {deployment_id}, and does not")


def restore(environment: Environment, state: ReleaseState) -> None:
    """Bring back what was live in `state`: aliases first, so that no traffic meets another version."""
    point_aliases(environment, state.live_colour, state)
    set_weight(environment, state.live_colour, ALL_TRAFFIC)
    move_stage(environment, state.deployment_id)
