"""The REST API: what it accepts, who may call it, what it answers by itself."""

import json
from typing import Any, cast

from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from release import names
from release.names import Colour
from stages.configuration import ApiConfig
from stages.constructs.nag import acknowledge
from stages.constructs.private_integration import PrivateIntegration
from stages.constructs.release_state import ReleaseState
from stages.contract import Model, operations

NO_COLOUR = "none"
# Fixed texts: what API Gateway knows about a bad body quotes the offending value, which may be a card number.
PROBLEMS = {
    "BAD_REQUEST_BODY": (400, "invalid_request", "The body does not match the API's schema."),
    "BAD_REQUEST_PARAMETERS": (400, "invalid_request", "A required header or parameter is missing."),
    "WAF_FILTERED": (
        403,
        "request_filtered",
        "The firewall refused the request. A card number belongs nowhere but in the body's card, least in an address.",
    ),
    "DEFAULT_4XX": (None, "request_refused", "The request was refused."),
    "DEFAULT_5XX": (None, "temporarily_unavailable", "The request could not be answered. It may be repeated."),
}
# Neither headers nor bodies: no card data, no credentials.
ACCESS_LOG_FIELDS = {
    "request_id": "$context.requestId",
    "request_time": "$context.requestTime",
    "stage": "$context.stage",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "response_type": "$context.error.responseType",
    "latency_ms": "$context.responseLatency",
    "integration_status": "$context.integration.status",
    "integration_latency_ms": "$context.integration.latency",
    "response_bytes": "$context.responseLength",
    "source_ip": "$context.identity.sourceIp",
    "caller_account": "$context.identity.accountId",
    "caller": "$context.identity.caller",
    "firewall": "$context.wafResponseCode",
}


class PaymentApi(Construct):
    """Signed requests only. `live` stays on its recorded deployment; the preview stages show this template's, to
    `preview_role` alone."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        suffix: str,
        config: ApiConfig,
        access_log: logs.ILogGroup,
        state: ReleaseState,
        preview_role: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._access_log = access_log
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=names.rest_api(suffix),
            description=f"Payments, environment {suffix}",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            policy=_resource_policy(Stack.of(self), preview_role),
            retain_deployments=True,
            cloud_watch_role=False,  # the role is the account's, not an environment's
            deploy_options=apigateway.StageOptions(**self._stage_settings(names.LIVE_STAGE, colour=NO_COLOUR)),
        )
        # The API deploys, so there is a latest deployment.
        self.deployment = cast(apigateway.Deployment, self.api.latest_deployment)
        # An output of the library's own choice, beside ours.
        self.api.node.try_remove_child("Endpoint")
        self.stages = {names.LIVE_STAGE: self.api.deployment_stage}
        self._pin_live(state)
        self._add_previews()
        for stage in self.stages.values():
            _acknowledge_stage(stage)
        self._add_problems()
        self._validator = self.api.add_request_validator(
            "Validator", validate_request_body=True, validate_request_parameters=True
        )

    def add_routes(self, integration: PrivateIntegration) -> None:
        """Every operation of the contract."""
        for operation in operations():
            integration.add_method(
                self.api.root.resource_for_path(operation.path),
                operation,
                validator=self._validator,
                body=self._model(operation.model) if operation.model else None,
            )

    def _stage_settings(self, name: str, *, colour: str) -> dict[str, Any]:
        return {
            "stage_name": name,
            "variables": {"releaseColor": colour},
            "access_log_destination": apigateway.LogGroupLogDestination(self._access_log),
            "access_log_format": apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LOG_FIELDS)),
            "logging_level": apigateway.MethodLoggingLevel.OFF,
            "data_trace_enabled": False,
            "metrics_enabled": True,
            "tracing_enabled": True,
            "throttling_rate_limit": self._config.requests_per_second,
            "throttling_burst_limit": self._config.burst,
        }

    def _pin_live(self, state: ReleaseState) -> None:
        """A deployment of the stack must not change what live callers meet."""
        stage = cast(apigateway.CfnStage, self.api.deployment_stage.node.default_child)
        stage.deployment_id = state.live_deployment(self.deployment.deployment_id)

    def _add_previews(self) -> None:
        for colour in Colour:
            name = names.preview_stage(colour)
            self.stages[name] = apigateway.Stage(
                self,
                f"Preview{colour.value.capitalize()}",
                deployment=self.deployment,
                **self._stage_settings(name, colour=colour.value),
            )

    def _add_problems(self) -> None:
        for name, (status, code, detail) in PROBLEMS.items():
            problem = {"type": "about:blank", "title": code.replace("_", " ").capitalize(), "code": code}
            self.api.add_gateway_response(
                "".join(word.capitalize() for word in name.split("_")),
                type=apigateway.ResponseType.of(name),
                status_code=str(status) if status else None,
                response_headers={
                    "Content-Type": "'application/problem+json'",
                    "X-Correlation-Id": "context.requestId",
                },
                templates={
                    "application/json": json.dumps(
                        problem | ({"status": status} if status else {}) | {"detail": detail}
                    )
                },
            )

    def _model(self, model: Model) -> apigateway.IModel:
        resource = apigateway.CfnModel(
            self,
            model.name,
            rest_api_id=self.api.rest_api_id,
            name=model.name,
            content_type="application/json",
            schema=model.schema,
        )
        self.deployment.add_to_logical_id({"model": model.name, "schema": model.schema})
        return apigateway.Model.from_model_name(self, f"{model.name}Reference", resource.ref)


def _resource_policy(stack: Stack, preview_role: str) -> iam.PolicyDocument:
    """Callers of this account that IAM lets in; the previews for one role only, whatever IAM says."""
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(
                sid="Callers",
                principals=[iam.AccountRootPrincipal()],
                actions=["execute-api:Invoke"],
                resources=["execute-api:/*"],
            ),
            iam.PolicyStatement(
                sid="PreviewsAreForTests",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["execute-api:Invoke"],
                resources=[f"execute-api:/{names.preview_stage(colour)}/*" for colour in Colour],
                conditions={"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{stack.account}:role/{preview_role}"}},
            ),
        ]
    )


def _acknowledge_stage(stage: apigateway.IStage) -> None:
    acknowledge(
        stage,
        pci="APIGWCacheEnabledAndEncrypted",
        reason="The stage has no cache cluster: no response is kept, encrypted or not",
    )
    acknowledge(
        stage,
        pci="APIGWSSLEnabled",
        reason="The load balancer cannot check a client certificate of API Gateway; its security group admits only "
        "the API's link",
    )
    acknowledge(
        stage,
        aws="APIG6",
        pci="APIGWExecutionLoggingEnabled",
        reason="Execution logs quote the values that fail validation, which can be card numbers; access logs, "
        "metrics and traces are on",
    )
