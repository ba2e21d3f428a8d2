"""What all layers of an environment have in common."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Environment, RemovalPolicy, Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from release import names
from stages import configuration


class PaymentLayer(Stack):
    """A stack named after its environment and layer, in three availability zones, without look-ups."""

    def __init__(self, scope: Construct, layer: str, *, environment: configuration.Environment) -> None:
        super().__init__(
            scope,
            layer.capitalize(),
            stack_name=names.stack(environment.suffix, layer),
            env=Environment(account=environment.account, region=environment.region),
            description=f"Payment system, {layer} of the environment {environment.suffix}",
            analytics_reporting=False,
            # The stack's own: clean-ups find it by them, and CloudFormation hands them on to what it makes.
            tags=dict(environment.tags),
        )
        self.suffix = environment.suffix

    @property
    def availability_zones(self) -> list[str]:
        """Fixed: asking the account would make the templates depend on credentials."""
        return list(configuration.AVAILABILITY_ZONES)

    def outputs(self, values: Mapping[str, str]) -> None:
        """Publish each value under its key, as the output's logical id and, prefixed, as an export."""
        for key, value in values.items():
            CfnOutput(self, key, value=value, export_name=names.export(self.suffix, key))

    def publish(self, values: Mapping[str, str]) -> None:
        """Write configuration that functions read at run time; keys as in `names.config_parameter`."""
        parameters = Construct(self, "Config")
        for key, value in values.items():
            ssm.StringParameter(
                parameters,
                "".join(word.capitalize() for word in key.split("-")),
                parameter_name=names.config_parameter(self.suffix, key),
                string_value=value,
            )


def data_removal_policy(*, keep: bool) -> RemovalPolicy:
    """What happens to data when its stack goes. Kept data still goes when its very creation is rolled back, unless it
    is protected from deletion as well: docs/runbooks/first-deployment-failed.md."""
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if keep else RemovalPolicy.DESTROY
