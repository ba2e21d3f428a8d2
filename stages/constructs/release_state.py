"""What serves live traffic, as the template sees it.

The controller writes the state before every deployment (`release.layout`); these conditions make CloudFormation keep
what it found: a deployment gives new code to the idle colour only.
"""

from collections.abc import Mapping
from typing import cast

from aws_cdk import CfnCondition, CfnParameter, Fn, ICfnConditionExpression, ICfnRuleConditionExpression, Token
from constructs import Construct

from release import layout, names
from release.names import Colour


class ReleaseState(Construct):
    """The recorded release vector of an environment and the conditions over it."""

    def __init__(self, scope: Construct, construct_id: str, *, suffix: str) -> None:
        super().__init__(scope, construct_id)
        self._parameter = CfnParameter(
            self,
            "Parameter",
            type="AWS::SSM::Parameter::Value<List<String>>",
            default=names.release_state_parameter(suffix),
            description="What serves live traffic; written by the release controller before each deployment",
        )
        self._parameter.override_logical_id(names.RELEASE_STATE_PARAMETER)
        self._blue_is_live = self._condition("BlueIsLive", self._is(layout.LIVE_COLOUR_INDEX, Colour.BLUE))

    def weight(self, colour: Colour) -> float:
        """Percent of live traffic for `colour`: all or nothing, steps in between are the controller's."""
        when_blue, otherwise = (100, 0) if colour is Colour.BLUE else (0, 100)
        return Token.as_number(Fn.condition_if(self._blue_is_live.logical_id, when_blue, otherwise))

    def live_deployment(self, current: str) -> str:
        """The recorded deployment of the live stage; `current` where none is recorded."""
        recorded = self._condition("DeploymentIsRecorded", self._recorded(layout.DEPLOYMENT_INDEX))
        return Token.as_string(Fn.condition_if(recorded.logical_id, self._item(layout.DEPLOYMENT_INDEX), current))

    def same_release(self, release_ids: Mapping[str, str]) -> CfnCondition:
        """True when the live release is the one of this template. `release_ids` has one entry per function."""
        return self._condition(
            "SameRelease",
            Fn.condition_and(*(self._is(layout.release_id_index(name), release_ids[name]) for name in names.FUNCTIONS)),
        )

    def version(self, function: str, colour: Colour, *, current: str, same_release: CfnCondition) -> str:
        """The version that `colour` of `function` holds after this deployment.

        Live colours keep the recorded one; the idle colour takes `current`, unless nothing is new.
        """
        index = layout.version_index(function, colour)
        keep = self._condition(
            f"Keep{function.capitalize()}{colour.value.capitalize()}",
            Fn.condition_and(self._recorded(index), Fn.condition_or(self._live(colour), _reference(same_release))),
        )
        return Token.as_string(Fn.condition_if(keep.logical_id, self._item(index), current))

    def _live(self, colour: Colour) -> ICfnConditionExpression:
        blue_is_live = _reference(self._blue_is_live)
        return blue_is_live if colour is Colour.BLUE else Fn.condition_not(blue_is_live)

    def _item(self, index: int) -> str:
        return Fn.select(index, self._parameter.value_as_list)

    def _is(self, index: int, value: str) -> ICfnRuleConditionExpression:
        return Fn.condition_equals(self._item(index), value)

    def _recorded(self, index: int) -> ICfnRuleConditionExpression:
        return Fn.condition_not(self._is(index, layout.NONE))

    def _condition(self, name: str, expression: ICfnConditionExpression) -> CfnCondition:
        condition = CfnCondition(self, name, expression=expression)
        condition.override_logical_id(name)
        return condition


def _reference(condition: CfnCondition) -> ICfnConditionExpression:
    """A condition as part of another one; it renders as its name. The library's type hints leave this out."""
    return cast(ICfnConditionExpression, condition)
