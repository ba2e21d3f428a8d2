"""A function that is released by colour."""

from typing import cast

from aws_cdk import CfnCondition, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from release.names import Colour
from stages.constructs.payment_function import FunctionPlatform, PaymentFunction
from stages.constructs.release_state import ReleaseState


class ColouredFunction(PaymentFunction):
    """A function with a version per release and an alias per colour.

    `release_id` is the logical id of this template's version: it changes with code and configuration, and the
    version's description tells it to whoever reads the version later.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        package: str,
        platform: FunctionPlatform,
        timeout: Duration,
        statements: list[iam.PolicyStatement],
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            name=name,
            package=package,
            platform=platform,
            timeout=timeout,
            statements=statements,
        )
        self.version = self.function.current_version
        resource = cast(lambda_.CfnVersion, self.version.node.default_child)
        resource.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        self.release_id = resource.logical_id
        resource.add_property_override("Description", self.release_id)
        self.aliases: dict[Colour, lambda_.Alias] = {}

    def add_colours(self, state: ReleaseState, *, same_release: CfnCondition) -> None:
        """Make the aliases. `same_release` compares the release ids of all functions of the template."""
        for colour in Colour:
            alias = lambda_.Alias(self, colour.value.capitalize(), alias_name=colour.value, version=self.version)
            version = state.version(self.name, colour, current=self.version.version, same_release=same_release)
            cast(lambda_.CfnAlias, alias.node.default_child).add_property_override("FunctionVersion", version)
            self.aliases[colour] = alias
