"""The way in: REST API, firewall, VPC link, private load balancer with both colours behind it."""

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from release import names
from release.names import Colour
from stages.compute import ComputeStack
from stages.configuration import Environment
from stages.constructs.buckets import LOAD_BALANCER_PREFIX
from stages.constructs.firewall import Firewall
from stages.constructs.log_group import PaymentLogGroup
from stages.constructs.payment_api import PaymentApi
from stages.constructs.payment_layer import PaymentLayer
from stages.constructs.private_integration import PrivateIntegration
from stages.constructs.private_load_balancer import PrivateLoadBalancer
from stages.constructs.release_state import ReleaseState
from stages.data import DataStack
from stages.network import NetworkStack
from stages.security import SecurityStack


class ApiStack(PaymentLayer):
    """Certificate and domain name exist before the stack does: it reads them from Parameter Store."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        network: NetworkStack,
        security: SecurityStack,
        data: DataStack,
        compute: ComputeStack,
    ) -> None:
        super().__init__(scope, "api", environment=environment)
        suffix, config = environment.suffix, environment.api
        state = ReleaseState(self, "Release", suffix=suffix)
        self.balancer = PrivateLoadBalancer(
            self,
            "Balancer",
            suffix=suffix,
            vpc=network.vpc,
            security_group=network.load_balancer_group,
            certificate_arn=self._existing("CertificateArn", names.certificate_arn_parameter(suffix)),
            access_logs=data.access_logs,
            access_logs_prefix=LOAD_BALANCER_PREFIX,
            deletion_protection=config.load_balancer_deletion_protection,
        )
        for position, name in enumerate(names.ROUTED, start=1):
            self.balancer.route(name, compute.coloured[name], position=position, state=state)

        self.rest = PaymentApi(
            self,
            "Rest",
            suffix=suffix,
            config=config,
            access_log=PaymentLogGroup(
                self,
                "AccessLog",
                name=names.log_group(suffix, "api-access"),
                key=security.logs_key,
                retention_days=config.log_retention_days,
            ),
            state=state,
            preview_role=names.integration_test_role(suffix),
        )
        self.rest.add_routes(
            PrivateIntegration(
                self,
                "Integration",
                suffix=suffix,
                vpc=network.vpc,
                security_group=network.link_group,
                load_balancer=self.balancer.load_balancer,
                domain_name=self._existing("DomainName", names.domain_name_parameter(suffix)),
            )
        )
        Firewall(
            self,
            "Firewall",
            suffix=suffix,
            requests_per_address=config.requests_per_address,
            logs_key=security.logs_key,
            log_retention_days=config.log_retention_days,
        ).protect([(name, stage.stage_arn) for name, stage in self.rest.stages.items()])
        self._publish_outputs()

    def _existing(self, construct_id: str, parameter: str) -> str:
        return ssm.StringParameter.from_string_parameter_attributes(
            self, construct_id, parameter_name=parameter
        ).string_value

    def _publish_outputs(self) -> None:
        balancer, rest = self.balancer, self.rest
        self.outputs(
            {
                "ApiId": rest.api.rest_api_id,
                "ApiUrl": rest.api.url,
                "PreviewBlueUrl": rest.stages[names.preview_stage(Colour.BLUE)].url_for_path("/"),
                "PreviewGreenUrl": rest.stages[names.preview_stage(Colour.GREEN)].url_for_path("/"),
                "ApiDeploymentId": rest.deployment.deployment_id,
                "LoadBalancerArn": balancer.load_balancer.load_balancer_arn,
                "LoadBalancerDnsName": balancer.load_balancer.load_balancer_dns_name,
                "ListenerArn": balancer.listener.listener_arn,
            }
        )
