"""From a REST API to a private load balancer."""

from typing import cast

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from release import names
from stages.constructs.nag import acknowledge
from stages.contract import Operation

TIMEOUT = Duration.seconds(10)
# The caller cannot set these: the integration overwrites what came with the request.
TRUSTED_HEADERS = {
    f"integration.request.header.{names.COLOUR_HEADER}": "stageVariables.releaseColor",
    "integration.request.header.x-caller-account": "context.identity.accountId",
    "integration.request.header.x-caller-id": "context.identity.caller",
    "integration.request.header.x-source-address": "context.identity.sourceIp",
    "integration.request.header.x-correlation-id": "context.requestId",
}


class PrivateIntegration(Construct):
    """Adds methods that forward to `load_balancer` over a VPC link.

    The CDK has no released construct for this pair; what it lacks is set on the methods here and nowhere else.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        load_balancer: elbv2.IApplicationLoadBalancer,
        domain_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        subnets = vpc.select_subnets(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
        link = apigatewayv2.CfnVpcLink(
            self,
            "Link",
            name=names.vpc_link(suffix),
            subnet_ids=subnets.subnet_ids,
            security_group_ids=[security_group.security_group_id],
        )
        self._link = apigateway.VpcLink.from_vpc_link_id(self, "LinkReference", link.ref)
        self._load_balancer = load_balancer
        self._domain_name = domain_name

    def add_method(
        self,
        resource: apigateway.IResource,
        operation: Operation,
        *,
        validator: apigateway.IRequestValidator,
        body: apigateway.IModel | None = None,
    ) -> apigateway.Method:
        """Forward `operation` of `resource`, signed callers only, after the request has been validated."""
        http_method = operation.method
        # The query is passed on as it is.
        forwarded = {
            f"integration.request.{place}.{name}": f"method.request.{place}.{name}"
            for place in ("header", "path")
            for name in operation.named(place, required=True)
        }
        accepted = {
            **dict.fromkeys(forwarded.values(), True),
            **{
                f"method.request.querystring.{name}": required
                for required in (True, False)
                for name in operation.named("query", required=required)
            },
        }
        integration = apigateway.Integration(
            type=apigateway.IntegrationType.HTTP_PROXY,
            integration_http_method=http_method,
            uri=f"https://{self._domain_name}{resource.path}",
            options=apigateway.IntegrationOptions(
                connection_type=apigateway.ConnectionType.VPC_LINK,
                vpc_link=self._link,
                timeout=TIMEOUT,
                request_parameters={**TRUSTED_HEADERS, **forwarded},
            ),
        )
        method = resource.add_method(
            http_method,
            integration,
            authorization_type=apigateway.AuthorizationType.IAM,
            request_validator=validator,
            request_parameters=accepted,
            request_models={"application/json": body} if body else None,
        )
        target = self._load_balancer.load_balancer_arn
        cast(apigateway.CfnMethod, method.node.default_child).add_property_override(
            "Integration.IntegrationTarget", target
        )
        if resource.api.latest_deployment:
            # What is set behind the library's back has to be part of the deployment's identity too.
            resource.api.latest_deployment.add_to_logical_id(
                {"method": http_method, "path": resource.path, "target": target}
            )
        acknowledge(
            method,
            aws="COG4",
            reason="Callers are systems that sign with IAM credentials; there are no users in a user pool",
        )
        return method
