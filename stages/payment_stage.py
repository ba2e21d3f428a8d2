"""One environment, whole."""

from aws_cdk import Environment, PermissionsBoundary, Stage, Tags
from constructs import Construct

from stages import configuration
from stages.api import ApiStack
from stages.compute import ComputeStack
from stages.data import DataStack
from stages.monitoring import MonitoringStack
from stages.network import NetworkStack
from stages.security import SecurityStack


class PaymentStage(Stage):
    """The six layers of an environment, in the order of their deployment, tagged for the bill.

    `boundary` names the policy of the account that limits every role, the library's own included.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: configuration.Environment,
        boundary: str | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(account=environment.account, region=environment.region),
            permissions_boundary=PermissionsBoundary.from_name(boundary) if boundary else None,
        )
        for name, value in environment.tags.items():
            Tags.of(self).add(name, value)
        self.environment = environment
        self.network = NetworkStack(self, environment=environment)
        self.security = SecurityStack(self, environment=environment, network=self.network)
        self.data = DataStack(self, environment=environment, network=self.network, security=self.security)
        self.compute = ComputeStack(
            self, environment=environment, network=self.network, security=self.security, data=self.data
        )
        self.api = ApiStack(
            self,
            environment=environment,
            network=self.network,
            security=self.security,
            data=self.data,
            compute=self.compute,
        )
        self.monitoring = MonitoringStack(
            self,
            environment=environment,
            security=self.security,
            data=self.data,
            compute=self.compute,
            api=self.api,
        )
