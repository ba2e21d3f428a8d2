"""The private load balancer that divides traffic between the colours."""

import json
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from release import names
from release.names import Colour
from stages.constructs.coloured_function import ColouredFunction
from stages.constructs.nag import acknowledge
from stages.constructs.release_state import ReleaseState

HTTPS_PORT = 443
NOT_FOUND = {"type": "about:blank", "title": "Not Found", "status": 404}


@dataclass(frozen=True, kw_only=True)
class Route:
    """What a function answers. API Gateway puts the stage in front of the path, so no request comes without one; a
    rule takes at most five patterns."""

    paths: tuple[str, ...]
    methods: tuple[str, ...] = ()

    def conditions(self) -> list[elbv2.CfnListenerRule.RuleConditionProperty]:
        conditions = [
            elbv2.CfnListenerRule.RuleConditionProperty(
                field="path-pattern",
                path_pattern_config=elbv2.CfnListenerRule.PathPatternConfigProperty(values=list(self.paths)),
            )
        ]
        if self.methods:
            conditions.append(
                elbv2.CfnListenerRule.RuleConditionProperty(
                    field="http-request-method",
                    http_request_method_config=elbv2.CfnListenerRule.HttpRequestMethodConfigProperty(
                        values=list(self.methods)
                    ),
                )
            )
        return conditions


ROUTES = {
    "validation": Route(paths=("/*/payments",), methods=("POST",)),
    "processing": Route(paths=("/*/payments*", "/*/customers/*", "/*/health")),
}


class PrivateLoadBalancer(Construct):
    """HTTPS only, reachable from `security_group`'s peers only; unknown paths get a 404 here."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        vpc: ec2.IVpc,
        security_group: ec2.ISecurityGroup,
        certificate_arn: str,
        access_logs: s3.IBucket,
        access_logs_prefix: str,
        deletion_protection: bool,
    ) -> None:
        super().__init__(scope, construct_id)
        self._suffix = suffix
        self.load_balancer = elbv2.ApplicationLoadBalancer(
            self,
            "LoadBalancer",
            load_balancer_name=names.load_balancer(suffix),
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            internet_facing=False,
            security_group=security_group,
            drop_invalid_header_fields=True,
            deletion_protection=deletion_protection,
        )
        self.load_balancer.set_attribute("access_logs.s3.enabled", "true")
        self.load_balancer.set_attribute("access_logs.s3.bucket", access_logs.bucket_name)
        self.load_balancer.set_attribute("access_logs.s3.prefix", access_logs_prefix)
        acknowledge(
            self.load_balancer,
            pci="ALBWAFEnabled",
            reason="Private: its security group admits the API's link alone, and the API's stages have the firewall",
        )
        self.listener = elbv2.ApplicationListener(
            self,
            "Https",
            load_balancer=self.load_balancer,
            port=HTTPS_PORT,
            protocol=elbv2.ApplicationProtocol.HTTPS,
            open=False,
            ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS,
            certificates=[elbv2.ListenerCertificate.from_arn(certificate_arn)],
            default_action=elbv2.ListenerAction.fixed_response(
                404, content_type="application/json", message_body=json.dumps(NOT_FOUND)
            ),
        )

    def route(self, function_name: str, function: ColouredFunction, *, position: int, state: ReleaseState) -> None:
        """Send the function's requests to its colours: by header to the colour that is named, else by weight.

        `position` (1, 2, …) orders the functions' rules. Weights are what the release state says; between two
        deployments the controller moves them.
        """
        parent = Construct(self, function_name.capitalize())
        route = ROUTES[function_name]
        groups = {
            colour: self._target_group(parent, function_name, colour, function.aliases[colour]) for colour in Colour
        }
        for number, colour in enumerate(Colour, start=1):
            self._rule(
                parent,
                f"Preview{colour.value.capitalize()}",
                priority=10 * position + number,
                conditions=[*route.conditions(), _colour_header(colour)],
                targets=[(groups[colour], 1)],
            )
        self._rule(
            parent,
            "Weighted",
            priority=100 + 10 * position,
            conditions=route.conditions(),
            targets=[(groups[colour], state.weight(colour)) for colour in Colour],
        )

    def _target_group(
        self, parent: Construct, function_name: str, colour: Colour, alias: lambda_.IAlias
    ) -> elbv2.CfnTargetGroup:
        stack = Stack.of(self)
        name = names.target_group(self._suffix, function_name, colour)
        permission = lambda_.CfnPermission(
            parent,
            f"{colour.value.capitalize()}Permission",
            action="lambda:InvokeFunction",
            function_name=alias.function_arn,
            principal="elasticloadbalancing.amazonaws.com",
            source_account=stack.account,
            source_arn=f"arn:aws:elasticloadbalancing:{stack.region}:{stack.account}:targetgroup/{name}/*",
        )
        group = elbv2.CfnTargetGroup(
            parent,
            colour.value.capitalize(),
            name=name,
            target_type="lambda",
            targets=[elbv2.CfnTargetGroup.TargetDescriptionProperty(id=alias.function_arn)],
        )
        # The load balancer tries the permission when the target is registered.
        group.add_resource_dependency(permission)
        return group

    def _rule(
        self,
        parent: Construct,
        construct_id: str,
        *,
        priority: int,
        conditions: list[elbv2.CfnListenerRule.RuleConditionProperty],
        targets: list[tuple[elbv2.CfnTargetGroup, float]],
    ) -> None:
        elbv2.CfnListenerRule(
            parent,
            construct_id,
            listener_arn=self.listener.listener_arn,
            priority=priority,
            conditions=conditions,
            actions=[
                elbv2.CfnListenerRule.ActionProperty(
                    type="forward",
                    forward_config=elbv2.CfnListenerRule.ForwardConfigProperty(
                        target_groups=[
                            elbv2.CfnListenerRule.TargetGroupTupleProperty(target_group_arn=group.ref, weight=weight)
                            for group, weight in targets
                        ]
                    ),
                )
            ],
        )


def _colour_header(colour: Colour) -> elbv2.CfnListenerRule.RuleConditionProperty:
    return elbv2.CfnListenerRule.RuleConditionProperty(
        field="http-header",
        http_header_config=elbv2.CfnListenerRule.HttpHeaderConfigProperty(
            http_header_name=names.COLOUR_HEADER, values=[colour.value]
        ),
    )
