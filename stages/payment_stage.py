"""One environment, whole."""

from aws_cdk import Environment, Stage, Tags
from constructs import Construct

from stages import environments
from stages.api import ApiStack
from stages.compute import ComputeStack
from stages.data import DataStack
from stages.monitoring import MonitoringStack
from stages.network import NetworkStack
from stages.security import SecurityStack

# Not left to the App's context: the first two decide what makes a new version of a function, and so what a release
# is; the third keeps access control lists, which the buckets do not allow, out of server access logging.
_FLAGS = (
    "@aws-cdk/aws-lambda:recognizeLayerVersion",
    "@aws-cdk/aws-lambda:recognizeVersionProps",
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy",
)


class PaymentStage(Stage):
    """The six layers of an environment, in the order of their deployment, tagged for the bill."""

    def __init__(self, scope: Construct, construct_id: str, *, environment: environments.Environment) -> None:
        super().__init__(scope, construct_id, env=Environment(account=environment.account, region=environment.region))
        for flag in _FLAGS:
            self.node.set_context(flag, True)
        for name, value in environment.tags.items():
            Tags.of(self).add(name, value)
        self.environment = environment
        self.security = SecurityStack(self, environment=environment)
        self.network = NetworkStack(self, environment=environment, security=self.security)
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
