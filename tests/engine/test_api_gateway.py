"""A REST API with a private integration, as its callers and its operators see it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/private-integration.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.engine.balancing import (
    REGION,
    Answer,
    allow_load_balancer,
    make_function,
    make_network,
    send,
)
from tests.engine.embedded import eventually

ACCOUNT = "222222220004"
DOMAIN = "pay.example.com"
KEYED = {"Idempotency-Key": "k1"}
ROOT = Credentials(ACCOUNT, "local")
MODEL = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "additionalProperties": False,
    "required": ["amount_minor"],
    "properties": {"amount_minor": {"type": "integer", "minimum": 1}, "note": {"type": "string"}},
}
PARAMETERS = {
    "integration.request.header.x-release-color": "stageVariables.releaseColor",
    "integration.request.header.x-caller-account": "context.identity.accountId",
    "integration.request.header.x-caller-id": "context.identity.caller",
    "integration.request.header.x-correlation-id": "context.requestId",
    "integration.request.header.x-literal": "'fixed'",
    "integration.request.header.x-missing": "method.request.header.nowhere",
}


@dataclass(frozen=True, kw_only=True)
class World:
    engine: Any
    gateway: Any
    iam: Any
    api_id: str
    resources: dict[str, str]
    deployment: str
    link: str
    load_balancer: str
    functions: Any

    @property
    def host(self) -> str:
        return f"{self.api_id}.execute-api.{REGION}.amazonaws.com"

    def call(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        credentials: Credentials | None = ROOT,
        host: str = "",
    ) -> Answer:
        """A request signed for the API's own host name, sent to the engine's port."""
        sent = dict(headers or {})
        if credentials is not None:
            request = AWSRequest(method=method, url=f"https://{self.host}{path}", data=body, headers=sent)
            SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
            sent = dict(request.headers.items())
        sent.pop("Host", None)
        return send(self.engine.endpoint, host=host or self.host, path=path, method=method, headers=sent, body=body)

    def deploy(self) -> str:
        deployment: str = self.gateway.create_deployment(restApiId=self.api_id)["id"]
        return deployment

    def assume(self, role: str, session: str) -> Credentials:
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        made = self.engine.client("sts", account=ACCOUNT).assume_role(RoleArn=arn, RoleSessionName=session)
        found = made["Credentials"]
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    def make_role(self, name: str, *, stages: list[str]) -> str:
        """A role of the account that may invoke these stages of the API; its unique id."""
        principal = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        trust = {"Version": "2012-10-17", "Statement": [principal]}
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
        resources = [f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{self.api_id}/{stage}/*" for stage in stages]
        allow = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resources}
        document = {"Version": "2012-10-17", "Statement": [allow]}
        self.iam.put_role_policy(RoleName=name, PolicyName="invoke", PolicyDocument=json.dumps(document))
        role_id: str = role["RoleId"]
        return role_id


@pytest.fixture(scope="module")
def world(engine: Any) -> Iterator[World]:
    names = ("elbv2", "ec2", "iam", "lambda", "acm", "apigateway", "apigatewayv2", "logs")
    clients = {name: engine.client(name, account=ACCOUNT) for name in names}
    subnets, group = make_network(clients["ec2"])
    load_balancer = make_balancer(clients, subnets, group)
    gateway = clients["apigateway"]
    link = clients["apigatewayv2"].create_vpc_link(Name="link", SubnetIds=subnets, SecurityGroupIds=[group])
    gateway.update_account(
        patchOperations=[
            {"op": "replace", "path": "/cloudwatchRoleArn", "value": f"arn:aws:iam::{ACCOUNT}:role/gateway-logs"}
        ]
    )
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "execute-api:Invoke",
                "Resource": "execute-api:/*",
            },
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "execute-api:Invoke",
                "Resource": "execute-api:/preview/*",
                "Condition": {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/tester"}},
            },
        ],
    }
    api = gateway.create_rest_api(name="gateway-test", policy=json.dumps(policy))
    world = World(
        engine=engine,
        gateway=gateway,
        iam=clients["iam"],
        api_id=api["id"],
        resources=make_routes(gateway, api["id"], link["VpcLinkId"], load_balancer),
        deployment="",
        link=link["VpcLinkId"],
        load_balancer=load_balancer,
        functions=clients["lambda"],
    )
    world = replace(world, deployment=world.deploy())
    clients["logs"].create_log_group(logGroupName="/gateway/access")
    for stage, colour in (("live", "none"), ("preview", "blue")):
        gateway.create_stage(
            restApiId=api["id"],
            stageName=stage,
            deploymentId=world.deployment,
            variables={"releaseColor": colour},
        )
    yield world
    gateway.delete_rest_api(restApiId=api["id"])
    clients["elbv2"].delete_load_balancer(LoadBalancerArn=load_balancer)


def make_balancer(clients: Mapping[str, Any], subnets: list[str], group: str) -> str:
    """A load balancer that sends everything under /live and /preview to a function."""
    elbv2 = clients["elbv2"]
    function = make_function(clients["iam"], clients["lambda"], name="backend")
    allow_load_balancer(clients["lambda"], name="backend", alias="blue", SourceAccount=ACCOUNT)
    made = elbv2.create_load_balancer(Name="gateway", Scheme="internal", Subnets=subnets, SecurityGroups=[group])
    arn: str = made["LoadBalancers"][0]["LoadBalancerArn"]
    target = elbv2.create_target_group(Name="gateway-blue", TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=target, Targets=[{"Id": f"{function}:blue"}])
    certificate = clients["acm"].request_certificate(DomainName=DOMAIN)["CertificateArn"]
    listener = elbv2.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Listeners"][0]["ListenerArn"]
    condition = {"Field": "path-pattern", "Values": ["/*/payments", "/*/payments/*"]}
    forward = {"Type": "forward", "TargetGroupArn": target}
    elbv2.create_rule(ListenerArn=listener, Priority=1, Conditions=[condition], Actions=[forward])
    return arn


def make_routes(gateway: Any, api_id: str, link: str, load_balancer: str) -> dict[str, str]:
    """POST /payments with validation, GET /payments/{id}, and GET /open without authorisation."""
    root = gateway.get_resources(restApiId=api_id)["items"][0]["id"]
    payments = gateway.create_resource(restApiId=api_id, parentId=root, pathPart="payments")["id"]
    one = gateway.create_resource(restApiId=api_id, parentId=payments, pathPart="{id}")["id"]
    gateway.create_model(restApiId=api_id, name="Payment", contentType="application/json", schema=json.dumps(MODEL))
    validator = gateway.create_request_validator(
        restApiId=api_id, name="all", validateRequestBody=True, validateRequestParameters=True
    )["id"]
    gateway.put_method(
        restApiId=api_id,
        resourceId=payments,
        httpMethod="POST",
        authorizationType="AWS_IAM",
        requestValidatorId=validator,
        requestModels={"application/json": "Payment"},
        requestParameters={"method.request.header.Idempotency-Key": True},
    )
    gateway.put_method(
        restApiId=api_id,
        resourceId=one,
        httpMethod="GET",
        authorizationType="AWS_IAM",
        requestParameters={"method.request.path.id": True},
    )
    for resource, verb, uri, more in (
        (payments, "POST", f"https://{DOMAIN}/payments", {}),
        (
            one,
            "GET",
            f"https://{DOMAIN}/payments/{{id}}",
            {"integration.request.path.id": "method.request.path.id"},
        ),
    ):
        gateway.put_integration(
            restApiId=api_id,
            resourceId=resource,
            httpMethod=verb,
            type="HTTP_PROXY",
            integrationHttpMethod=verb,
            uri=uri,
            connectionType="VPC_LINK",
            connectionId=link,
            integrationTarget=load_balancer,
            requestParameters=PARAMETERS | more,
            timeoutInMillis=10_000,
        )
    gateway.put_gateway_response(
        restApiId=api_id,
        responseType="BAD_REQUEST_BODY",
        statusCode="400",
        responseParameters={
            "gatewayresponse.header.Content-Type": "'application/problem+json'",
            "gatewayresponse.header.X-Correlation-Id": "context.requestId",
        },
        responseTemplates={"application/json": '{"title": "Invalid request", "id": "$context.requestId"}'},
    )
    return {"payments": payments, "one": one}


def test_a_signed_request_goes_the_whole_road(world: World) -> None:
    answer = world.call(
        "/live/payments?x=1",
        method="POST",
        headers=KEYED | {"Content-Type": "application/json", "x-release-color": "green", "x-caller-id": "me"},
        body=b'{"amount_minor": 5}',
    )
    assert answer.status == 200, answer.body
    event = answer.json()["event"]
    assert answer.json()["arn"].endswith(":function:backend:blue")
    assert (event["httpMethod"], event["path"]) == ("POST", "/live/payments")
    assert event["queryStringParameters"] == {"x": "1"}
    assert event["body"] == '{"amount_minor": 5}'
    headers = event["headers"]
    assert headers["host"] == DOMAIN
    assert headers["x-release-color"] == "none"
    assert headers["x-caller-account"] == ACCOUNT
    assert headers["x-caller-id"] == ACCOUNT
    assert headers["x-correlation-id"] == answer.headers["x-amzn-RequestId"]
    assert headers["x-literal"] == "fixed"
    assert headers["idempotency-key"] == "k1"
    assert headers["user-agent"] == f"AmazonAPIGateway_{world.api_id}"
    assert headers["x-forwarded-proto"] == "https"
    assert "authorization" not in headers
    assert "x-missing" not in headers


def test_path_parameters_and_stage_variables_reach_the_backend(world: World) -> None:
    world.make_role("tester", stages=["preview"])
    event = world.call("/preview/payments/pay_1%2F2", credentials=world.assume("tester", "test-run")).json()["event"]
    assert event["path"] == "/preview/payments/pay_1%2F2"
    assert event["headers"]["x-release-color"] == "blue"


@pytest.mark.parametrize("path", ["/live/payments/1", "/live/nothing"])
def test_unsigned_requests_are_refused(world: World, path: str) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html"""
    answer = world.call(path, credentials=None)
    assert (answer.status, answer.json()) == (403, {"message": "Missing Authentication Token"})
    assert answer.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


def test_a_wrong_secret_is_a_wrong_signature(world: World) -> None:
    answer = world.call("/live/payments/1", credentials=Credentials(ACCOUNT, "not-the-secret"))
    assert answer.status == 403
    assert answer.json()["message"].startswith("The request signature we calculated does not match")
    assert answer.headers["x-amzn-ErrorType"] == "InvalidSignatureException"


@pytest.mark.parametrize("change", ["path", "body", "host"])
def test_the_signature_covers_path_body_and_host(world: World, change: str) -> None:
    request = AWSRequest(
        method="POST", url=f"https://{world.host}/live/payments", data=b'{"amount_minor": 5}', headers=KEYED
    )
    SigV4Auth(ROOT, "execute-api", REGION).add_auth(request)
    headers = dict(request.headers.items())
    headers["Content-Type"] = "application/json"
    path, body, host = "/live/payments", b'{"amount_minor": 5}', world.host
    assert send(world.engine.endpoint, host=host, path=path, method="POST", headers=headers, body=body).status == 200
    if change == "path":
        path = "/preview/payments"
    if change == "body":
        body = b'{"amount_minor": 500}'
    if change == "host":
        host = f"{world.host}:443"
    answer = send(world.engine.endpoint, host=host, path=path, method="POST", headers=headers, body=body)
    assert answer.status == 403
    assert answer.headers["x-amzn-ErrorType"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("credentials", "error"),
    [
        (Credentials("AKIAIOSFODNN7EXAMPLE", "x"), "UnrecognizedClientException"),
        (Credentials("999999999999", "local", "token"), "UnrecognizedClientException"),
    ],
)
def test_unknown_keys_are_refused(world: World, credentials: Credentials, error: str) -> None:
    answer = world.call("/live/payments/1", credentials=credentials)
    assert answer.status == 403
    assert answer.headers["x-amzn-ErrorType"] == error


def test_another_kind_of_authorization_is_refused(world: World) -> None:
    answer = world.call("/live/payments/1", headers={"Authorization": "Bearer x"}, credentials=None)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "IncompleteSignatureException")


def test_caller_of_an_assumed_role_is_its_unique_id_and_session(world: World) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable"""
    role_id = world.make_role("merchant", stages=["live"])
    headers = world.call("/live/payments/1", credentials=world.assume("merchant", "shop-7")).json()["event"]["headers"]
    assert (headers["x-caller-account"], headers["x-caller-id"]) == (ACCOUNT, f"{role_id}:shop-7")


def test_a_role_without_permission_is_denied(world: World) -> None:
    world.make_role("elsewhere", stages=["other"])
    answer = world.call("/live/payments/1", credentials=world.assume("elsewhere", "session"))
    assert answer.status == 403
    assert answer.headers["x-amzn-ErrorType"] == "AccessDeniedException"
    message = answer.json()["Message"]
    assert "execute-api:Invoke" in message
    assert f"********{ACCOUNT[-4:]}:{world.api_id}/live/GET/payments/1" in message
    assert "no identity-based policy allows" in message


def test_previews_are_closed_by_the_resource_policy_even_to_the_root(world: World) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html"""
    answer = world.call("/preview/payments/1")
    assert answer.status == 403
    assert "explicit deny in a resource-based policy" in answer.json()["Message"]


def test_another_account_needs_the_resource_policy_too(world: World) -> None:
    answer = world.call("/live/payments/1", credentials=Credentials("111111111111", "local"))
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"amount_minor": 5, "note": "x"}', "application/json", 200),
        (b"{}", "application/json", 400),
        (b'{"amount_minor": "5"}', "application/json", 400),
        (b'{"amount_minor": 0}', "application/json; charset=utf-8", 400),
        (b'{"amount_minor": 5, "more": 1}', "application/json", 400),
        (b'{"amount_minor": 5', "application/json", 400),
        (b"", "application/json", 400),
        (b"anything", "text/plain", 200),
    ],
)
def test_bodies_are_checked_against_the_model_of_their_type(
    world: World, body: bytes, content_type: str, status: int
) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html"""
    headers = KEYED | {"Content-Type": content_type}
    answer = world.call("/live/payments", method="POST", headers=headers, body=body)
    assert answer.status == status, answer.body
    if status == 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {"title": "Invalid request", "id": answer.headers["X-Correlation-Id"]}


def test_required_parameters_are_named(world: World) -> None:
    body = b'{"amount_minor": 5}'
    answer = world.call("/live/payments", method="POST", headers={"Content-Type": "application/json"}, body=body)
    assert answer.status == 400
    assert answer.json() == {"message": "Missing required request parameters: [Idempotency-Key]"}


def test_a_stage_that_does_not_exist_is_forbidden(world: World) -> None:
    answer = world.call("/none/payments/1")
    assert (answer.status, answer.json()) == (403, {"message": "Forbidden"})


def test_a_stage_serves_the_snapshot_of_its_deployment(world: World) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-deploy-api.html"""

    def literal() -> str | None:
        value: str | None = world.call("/live/payments/1").json()["event"]["headers"].get("x-literal")
        return value

    where = {"restApiId": world.api_id, "resourceId": world.resources["one"], "httpMethod": "GET"}
    before = world.gateway.get_integration(**where)
    kept = {
        "type": "HTTP_PROXY",
        "integrationHttpMethod": "GET",
        "connectionType": "VPC_LINK",
        **{name: before[name] for name in ("uri", "connectionId", "integrationTarget")},
    }
    changed = before["requestParameters"] | {"integration.request.header.x-literal": "'changed'"}
    try:
        world.gateway.put_integration(**where, **kept, requestParameters=changed)
        assert literal() == "fixed"
        second = world.deploy()
        assert literal() == "fixed"
        move_live(world, second)
        assert literal() == "changed"
        move_live(world, world.deployment)
        assert literal() == "fixed"
        with pytest.raises(ClientError, match="Active stages"):
            world.gateway.delete_deployment(restApiId=world.api_id, deploymentId=world.deployment)
        world.gateway.delete_deployment(restApiId=world.api_id, deploymentId=second)
        with pytest.raises(ClientError, match="Deployment id does not exist"):
            move_live(world, second)
    finally:
        world.gateway.put_integration(**where, **kept, requestParameters=before["requestParameters"])


def move_live(world: World, deployment: str) -> None:
    operation = {"op": "replace", "path": "/deploymentId", "value": deployment}
    world.gateway.update_stage(restApiId=world.api_id, stageName="live", patchOperations=[operation])


def test_what_cannot_be_served_cannot_be_deployed(world: World) -> None:
    api = world.gateway.create_rest_api(name="unsupported")["id"]
    root = world.gateway.get_resources(restApiId=api)["items"][0]["id"]
    world.gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    world.gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    with pytest.raises(ClientError, match="does not support integration MOCK"):
        world.gateway.create_deployment(restApiId=api)
    world.gateway.delete_rest_api(restApiId=api)


def test_throttling_answers_429(world: World) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html"""
    world.gateway.create_stage(restApiId=world.api_id, stageName="slow", deploymentId=world.deployment)
    operations = [
        {"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "0.01"},
        {"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "1"},
    ]
    world.gateway.update_stage(restApiId=world.api_id, stageName="slow", patchOperations=operations)
    assert world.call("/slow/payments/1").status == 200
    answer = world.call("/slow/payments/1")
    assert (answer.status, answer.json()) == (429, {"message": "Too Many Requests"})
    eventually(lambda: counted(world, "4XXError", "slow") == 1)


def test_a_private_integration_needs_link_load_balancer_listener_and_certificate(world: World) -> None:
    missing = world.load_balancer[:-4] + "0000"
    for change, status, message in (
        ({"integrationTarget": missing}, 504, "Network error communicating with endpoint"),
        ({"uri": f"http://{DOMAIN}/payments"}, 504, "Network error communicating with endpoint"),
        ({"uri": "https://other.example.com/payments"}, 500, "Internal server error"),
        ({"connectionId": "nolink"}, 500, "Internal server error"),
    ):
        api = world.gateway.create_rest_api(name="broken")["id"]
        root = world.gateway.get_resources(restApiId=api)["items"][0]["id"]
        world.gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        good = {
            "uri": f"https://{DOMAIN}/payments",
            "connectionId": world.link,
            "integrationTarget": world.load_balancer,
        }
        world.gateway.put_integration(
            restApiId=api,
            resourceId=root,
            httpMethod="GET",
            type="HTTP_PROXY",
            integrationHttpMethod="GET",
            connectionType="VPC_LINK",
            **(good | change),
        )
        deployment = world.gateway.create_deployment(restApiId=api)["id"]
        world.gateway.create_stage(restApiId=api, stageName="live", deploymentId=deployment)
        answer = replace(world, api_id=api).call("/live", credentials=None)
        assert (answer.status, answer.json()) == (status, {"message": message}), change
        world.gateway.delete_rest_api(restApiId=api)


def test_requests_are_logged_and_counted(world: World) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html"""
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/gateway/access"
    template = '{"id": "$context.requestId", "status": "$context.status", "caller": "$context.identity.caller"}'
    operations = [
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": group},
        {"op": "replace", "path": "/accessLogSettings/format", "value": template},
    ]
    world.gateway.update_stage(restApiId=world.api_id, stageName="live", patchOperations=operations)
    answer = world.call("/live/payments/1")
    expected = {"id": answer.headers["x-amzn-RequestId"], "status": "200", "caller": ACCOUNT}
    logs = world.engine.client("logs", account=ACCOUNT)

    def logged() -> list[Any]:
        found = logs.filter_log_events(logGroupName="/gateway/access")["events"]
        return [json.loads(event["message"]) for event in found]

    eventually(lambda: expected in logged())
    world.gateway.update_stage(
        restApiId=world.api_id,
        stageName="live",
        patchOperations=[{"op": "remove", "path": path} for path in ("/accessLogSettings/destinationArn",)],
    )
    eventually(lambda: counted(world, "Count", "live"))


def counted(world: World, metric: str, stage: str) -> float:
    now = datetime.now(UTC)
    found = world.engine.client("cloudwatch", account=ACCOUNT).get_metric_statistics(
        Namespace="AWS/ApiGateway",
        MetricName=metric,
        Dimensions=[{"Name": "ApiName", "Value": "gateway-test"}, {"Name": "Stage", "Value": stage}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in found["Datapoints"]))


def test_logging_needs_the_accounts_role(engine: Any) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html#set-up-access-logging-permissions"""
    gateway = engine.client("apigateway", account="222222220005")
    api = gateway.create_rest_api(name="no-role")["id"]
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(restApiId=api, stageName="live", deploymentId=deployment)
    operation = {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": "arn:aws:logs:r:a:log-group:x"}
    with pytest.raises(ClientError, match="CloudWatch Logs role ARN must be set"):
        gateway.update_stage(restApiId=api, stageName="live", patchOperations=[operation])


def test_security_groups_that_do_not_meet_let_nothing_through(world: World) -> None:
    """https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"""
    ec2 = world.engine.client("ec2", account=ACCOUNT)
    links = world.engine.client("apigatewayv2", account=ACCOUNT)
    link = links.get_vpc_link(VpcLinkId=world.link)
    vpc = ec2.describe_subnets(SubnetIds=link["SubnetIds"])["Subnets"][0]["VpcId"]
    stranger = ec2.create_security_group(GroupName="stranger", Description="stranger", VpcId=vpc)["GroupId"]
    other = links.create_vpc_link(Name="stranger", SubnetIds=link["SubnetIds"], SecurityGroupIds=[stranger])
    world.gateway.create_stage(
        restApiId=world.api_id, stageName="link", deploymentId=deploy_over(world, other["VpcLinkId"])
    )
    answer = world.call("/link/payments/1")
    assert (answer.status, answer.json()) == (504, {"message": "Network error communicating with endpoint"})
    assert world.call("/live/payments/1").status == 200


def deploy_over(world: World, link: str) -> str:
    """A deployment whose GET goes over another VPC link; the API itself stays as it was."""
    where = {"restApiId": world.api_id, "resourceId": world.resources["one"], "httpMethod": "GET"}
    for step in (link, world.link):
        operation = {"op": "replace", "path": "/connectionId", "value": step}
        world.gateway.update_integration(**where, patchOperations=[operation])
        if step == link:
            deployment = world.deploy()
    return deployment


def test_the_api_answers_by_its_own_host_name_only(world: World) -> None:
    for path in (
        f"/restapis/{world.api_id}/live/_user_request_/payments/1",
        f"/_aws/execute-api/{world.api_id}/live/x",
    ):
        answer = send(world.engine.endpoint, host="localhost", path=path)
        assert (answer.status, b"host name of the API" in answer.body) == (404, True)


def test_web_acl_refuses_before_anything_else_looks_at_a_request(world: World) -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-aws-waf.html"""
    waf = world.engine.client("wafv2", account=ACCOUNT)
    visibility = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
    match = {
        "RegexString": "forbidden",
        "FieldToMatch": {"UriPath": {}},
        "TextTransformations": [{"Priority": 0, "Type": "URL_DECODE"}],
    }
    acl = waf.create_web_acl(
        Name="gateway",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig=visibility,
        Rules=[
            {
                "Name": "own",
                "Priority": 0,
                "Action": {"Block": {}},
                "Statement": {"RegexMatchStatement": match},
                "VisibilityConfig": visibility,
            }
        ],
    )["Summary"]
    stage = f"arn:aws:apigateway:{REGION}::/restapis/{world.api_id}/stages/live"
    waf.associate_web_acl(WebACLArn=acl["ARN"], ResourceArn=stage)
    try:
        for credentials in (ROOT, None):
            refused = world.call("/live/payments/f%6Frbidden", credentials=credentials)
            assert (refused.status, refused.json()) == (403, {"message": "Forbidden"})
            assert refused.headers["x-amzn-ErrorType"] == "ForbiddenException"
        assert world.call("/live/payments/1").status == 200
        waf.update_web_acl(
            Name="gateway",
            Scope="REGIONAL",
            Id=acl["Id"],
            LockToken=waf.get_web_acl(Name="gateway", Scope="REGIONAL", Id=acl["Id"])["LockToken"],
            DefaultAction={"Allow": {}},
            VisibilityConfig=visibility,
            Rules=[],
        )
        assert world.call("/live/payments/forbidden").status == 200
    finally:
        waf.disassociate_web_acl(ResourceArn=stage)
