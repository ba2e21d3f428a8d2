"""Requests through a load balancer to functions and back.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.balancing import Answer, allow_load_balancer, make_function, make_network, send
from tests.engine.embedded import eventually

ACCOUNT = "222222220003"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, kw_only=True)
class World:
    endpoint: str
    elbv2: Any
    functions: Any
    cloudwatch: Any
    host: str
    load_balancer: str
    listener: str
    groups: dict[str, str]
    function: str

    def send(self, path: str = "/weighted", **more: Any) -> Answer:
        return send(self.endpoint, host=self.host, path=path, **more)

    def set_weights(self, rule: str, **weights: int) -> None:
        groups = [{"TargetGroupArn": self.groups[name], "Weight": weight} for name, weight in weights.items()]
        self.elbv2.modify_rule(RuleArn=rule, Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}])


@pytest.fixture(scope="module")
def world(engine: Any) -> Iterator[World]:
    clients = {
        name: engine.client(name, account=ACCOUNT) for name in ("elbv2", "ec2", "iam", "lambda", "acm", "cloudwatch")
    }
    elbv2 = clients["elbv2"]
    subnets, group = make_network(clients["ec2"])
    function = make_function(clients["iam"], clients["lambda"], name="echo")
    balancer = elbv2.create_load_balancer(Name="plane", Scheme="internal", Subnets=subnets, SecurityGroups=[group])
    arn, host = (balancer["LoadBalancers"][0][key] for key in ("LoadBalancerArn", "DNSName"))
    certificate = clients["acm"].request_certificate(DomainName="pay.example.com")["CertificateArn"]
    listener = elbv2.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[
            {
                "Type": "fixed-response",
                "FixedResponseConfig": {
                    "StatusCode": "404",
                    "ContentType": "application/json",
                    "MessageBody": '{"status":404}',
                },
            }
        ],
    )["Listeners"][0]["ListenerArn"]
    groups = {}
    for colour in ("blue", "green"):
        made = elbv2.create_target_group(Name=f"plane-{colour}", TargetType="lambda")["TargetGroups"][0]
        groups[colour] = made["TargetGroupArn"]
        allow_load_balancer(clients["lambda"], name="echo", alias=colour, SourceArn=groups[colour])
        elbv2.register_targets(TargetGroupArn=groups[colour], Targets=[{"Id": f"{function}:{colour}"}])
    empty = elbv2.create_target_group(Name="plane-empty", TargetType="lambda")["TargetGroups"][0]
    groups["empty"] = empty["TargetGroupArn"]
    for priority, (path, action) in enumerate(
        (
            ("/blue*", {"Type": "forward", "TargetGroupArn": groups["blue"]}),
            ("/empty", {"Type": "forward", "TargetGroupArn": groups["empty"]}),
            (
                "/old/*",
                {
                    "Type": "redirect",
                    "RedirectConfig": {"StatusCode": "HTTP_301", "Path": "/new/#{path}", "Query": "a=b&#{query}"},
                },
            ),
        ),
        start=1,
    ):
        condition = {"Field": "path-pattern", "Values": [path]}
        elbv2.create_rule(ListenerArn=listener, Priority=priority, Conditions=[condition], Actions=[action])
    yield World(
        endpoint=engine.endpoint,
        elbv2=elbv2,
        functions=clients["lambda"],
        cloudwatch=clients["cloudwatch"],
        host=host,
        load_balancer=arn,
        listener=listener,
        groups=groups,
        function=function,
    )
    elbv2.delete_load_balancer(LoadBalancerArn=arn)


@pytest.fixture
def weighted(world: World) -> Iterator[str]:
    """The ARN of a rule for /weighted, all on blue."""
    action = {"Type": "forward", "TargetGroupArn": world.groups["blue"]}
    condition = {"Field": "path-pattern", "Values": ["/weighted"]}
    made = world.elbv2.create_rule(ListenerArn=world.listener, Priority=50, Conditions=[condition], Actions=[action])
    arn = made["Rules"][0]["RuleArn"]
    world.set_weights(arn, blue=100, green=0)
    yield arn
    world.elbv2.delete_rule(RuleArn=arn)


def test_function_gets_the_event_that_aws_sends(world: World) -> None:
    answer = world.send(
        "/blue/y?a=1&a=2&b=%41",
        method="POST",
        headers=[("Content-Type", "application/json"), ("X-Twice", "one"), ("X-Twice", "two"), ("User-Agent", "t")],
        body=b'{"n":1}',
    )
    seen = answer.json()
    assert seen["arn"] == f"{world.function}:blue"
    event = seen["event"]
    assert event["requestContext"] == {"elb": {"targetGroupArn": world.groups["blue"]}}
    assert (event["httpMethod"], event["path"]) == ("POST", "/blue/y")
    assert event["queryStringParameters"] == {"a": "2", "b": "%41"}
    assert (event["body"], event["isBase64Encoded"]) == ('{"n":1}', False)
    headers = event["headers"]
    assert headers["x-twice"] == "two"
    assert headers["host"] == world.host
    assert (headers["x-forwarded-port"], headers["x-forwarded-proto"]) == ("443", "https")
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["x-amzn-trace-id"])
    assert "multiValueHeaders" not in event


def test_trace_id_of_the_client_is_kept_and_forwarded_for_is_appended(world: World) -> None:
    root = "Root=1-67891233-abcdef012345678912345678"
    answer = world.send("/blue", headers={"X-Amzn-Trace-Id": root, "X-Forwarded-For": "203.0.113.9"})
    headers = answer.json()["event"]["headers"]
    assert headers["x-amzn-trace-id"].endswith(f";{root}")
    assert headers["x-amzn-trace-id"].startswith("Self=1-")
    assert headers["x-forwarded-for"] == "203.0.113.9, 127.0.0.1"


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"Content-Type": "text/plain; charset=utf-8"}, b"plain", ("plain", False)),
        ({"Content-Type": "application/xml"}, b"<a/>", ("<a/>", False)),
        ({"Content-Type": "image/png"}, b"\x00\x01", (base64.b64encode(b"\x00\x01").decode(), True)),
        (JSON | {"Content-Encoding": "gzip"}, b"{}", (base64.b64encode(b"{}").decode(), True)),
        ({}, b"", ("", False)),
    ],
)
def test_bodies_are_text_or_base64_by_their_type(
    world: World, headers: dict[str, str], body: bytes, expected: tuple[str, bool]
) -> None:
    event = world.send("/blue", method="POST", headers=headers, body=body).json()["event"]
    assert (event["body"], event["isBase64Encoded"]) == expected


def test_multi_value_headers_are_an_attribute_of_the_target_group(world: World) -> None:
    arn = world.groups["blue"]
    switch = {"Key": "lambda.multi_value_headers.enabled", "Value": "true"}
    world.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[switch])
    try:
        event = world.send("/blue?a=1&a=2", headers=[("X-Twice", "one"), ("X-Twice", "two")]).json()["event"]
        assert event["multiValueHeaders"]["x-twice"] == ["one", "two"]
        assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
        assert "headers" not in event
        assert world.send("/blue", headers={"X-Behave": "cookies"}).headers.get_all("set-cookie") == ["a=1", "b=2"]
    finally:
        switch["Value"] = "false"
        world.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=[switch])


def test_the_functions_answer_becomes_the_response(world: World) -> None:
    teapot = world.send("/blue", headers={"X-Behave": "teapot"})
    assert (teapot.status, teapot.body, teapot.headers["x-kept"]) == (418, b"short", "yes")
    assert teapot.headers["server"] == "awselb/2.0"
    assert teapot.headers.get("connection", "").lower() != "close"
    made = world.send("/blue", headers={"X-Behave": "text-status"})
    assert (made.status, made.body) == (201, b"made")
    assert world.send("/blue", headers={"X-Behave": "bytes"}).body == b"\x00\x01\x02"


@pytest.mark.parametrize("behaviour", ["no-status", "text", "bad-body", "bad-base64", "bad-headers", "raise", "huge"])
def test_malformed_answers_and_failing_functions_are_502(world: World, behaviour: str) -> None:
    answer = world.send("/blue", headers={"X-Behave": behaviour})
    assert (answer.status, answer.headers["content-type"]) == (502, "text/html")
    assert b"502 Bad Gateway" in answer.body
    assert b"on purpose" not in answer.body


def test_bodies_over_one_megabyte_are_413(world: World) -> None:
    limit = 1024 * 1024
    assert world.send("/blue", method="POST", body=b"x" * (limit + 1)).status == 413


def test_no_rule_means_the_default_action(world: World) -> None:
    answer = world.send("/nothing")
    assert (answer.status, answer.json()) == (404, {"status": 404})
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_redirects_fill_in_the_request(world: World) -> None:
    answer = world.send("/old/x?c=d")
    assert (answer.status, answer.headers["location"]) == (301, f"https://{world.host}/new/old/x?a=b&c=d")


def test_a_group_without_a_target_is_503(world: World) -> None:
    assert world.send("/empty").status == 503


def test_weights_move_traffic_and_zero_means_never(world: World, weighted: str) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html#rule-action-types"""

    def colours(requests: int) -> Counter[str]:
        return Counter(world.send().json()["arn"].rpartition(":")[2] for _ in range(requests))

    assert colours(20) == {"blue": 20}
    world.set_weights(weighted, blue=0, green=100)
    assert colours(20) == {"green": 20}
    world.set_weights(weighted, blue=50, green=50)
    assert set(colours(40)) == {"blue", "green"}
    world.set_weights(weighted, blue=0, green=0)
    assert world.send().status == 503


def test_without_permission_the_function_is_not_invoked(world: World, weighted: str) -> None:
    assert world.send().status == 200
    world.functions.remove_permission(FunctionName="echo", Qualifier="blue", StatementId="elb-blue")
    try:
        assert world.send().status == 502
    finally:
        allow_load_balancer(world.functions, name="echo", alias="blue", SourceArn=world.groups["blue"])
    assert world.send().status == 200


def test_registering_a_function_needs_its_permission_for_this_very_group(world: World) -> None:
    """The permission of the blue group does not help another group, nor does one for another alias."""
    other = world.elbv2.create_target_group(Name="plane-other", TargetType="lambda")["TargetGroups"][0]
    arn, target = other["TargetGroupArn"], f"{world.function}:blue"
    with pytest.raises(ClientError, match="does not have permission to invoke") as refused:
        world.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    world.functions.add_permission(
        FunctionName="echo",
        Qualifier="blue",
        StatementId="by-account",
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
        SourceAccount=ACCOUNT,
        SourceArn=arn.rpartition("/")[0] + "/*",
    )
    world.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    with pytest.raises(ClientError, match="only one Lambda function"):
        world.elbv2.register_targets(TargetGroupArn=arn, Targets=[{"Id": f"{world.function}:green"}])
    world.elbv2.delete_target_group(TargetGroupArn=arn)


def test_target_health_says_what_aws_says(world: World) -> None:
    def health(group: str) -> dict[str, Any]:
        described = world.elbv2.describe_target_health(TargetGroupArn=world.groups[group])
        found: dict[str, Any] = described["TargetHealthDescriptions"][0]["TargetHealth"]
        return found

    assert (health("blue")["State"], health("blue")["Reason"]) == ("unavailable", "Target.HealthCheckDisabled")
    assert (health("green")["State"], health("green")["Reason"]) == ("unused", "Target.NotInUse")
    world.elbv2.modify_target_group(
        TargetGroupArn=world.groups["blue"],
        HealthCheckEnabled=True,
        HealthCheckIntervalSeconds=5,
        HealthCheckTimeoutSeconds=2,
    )
    eventually(lambda: health("blue")["State"] == "healthy")
    world.elbv2.modify_target_group(TargetGroupArn=world.groups["blue"], HealthCheckEnabled=False)


def test_requests_are_counted_per_target_group(world: World) -> None:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html"""
    dimensions = [
        {"Name": "TargetGroup", "Value": world.groups["blue"].rpartition(":")[2]},
        {"Name": "LoadBalancer", "Value": world.load_balancer.partition(":loadbalancer/")[2]},
    ]

    def total(name: str, where: list[dict[str, str]]) -> float:
        now = datetime.now(UTC)
        found = world.cloudwatch.get_metric_statistics(
            Namespace="AWS/ApplicationELB",
            MetricName=name,
            Dimensions=where,
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in found["Datapoints"]))

    before = {name: total(name, dimensions) for name in ("RequestCount", "HTTPCode_Target_4XX_Count")}
    failures = total("HTTPCode_ELB_502_Count", dimensions[1:])
    world.send("/blue", headers={"X-Behave": "teapot"})
    world.send("/blue", headers={"X-Behave": "raise"})
    eventually(lambda: total("HTTPCode_ELB_502_Count", dimensions[1:]) >= failures + 1)
    assert total("RequestCount", dimensions) >= before["RequestCount"] + 2
    assert total("HTTPCode_Target_4XX_Count", dimensions) >= before["HTTPCode_Target_4XX_Count"] + 1
    assert total("TargetResponseTime", dimensions) > 0
