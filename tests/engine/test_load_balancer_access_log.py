"""What a load balancer writes of its requests.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
"""

from __future__ import annotations

import gzip
import shlex
from dataclasses import replace
from typing import Any

import pytest

from local.engine.load_balancer import attributes
from local.engine.load_balancer.access_log import ENABLED, EVERY_SECONDS, AccessLog
from local.engine.load_balancer.http import HttpRequest, HttpResponse
from local.engine.load_balancer.model import Listener, LoadBalancer, Rule

ACCOUNT = "222222222222"
BALANCER = f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:loadbalancer/app/pay/0123456789abcdef"
GROUP = f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:targetgroup/val-blue/fedcba9876543210"
ON = {"access_logs.s3.bucket": "logs", "access_logs.s3.prefix": "alb"}
REQUEST = HttpRequest(
    method="POST",
    path="/live/payments",
    query="a=b",
    headers=[("host", "pay.example.com"), ("user-agent", 'says "hello"'), ("x-amzn-trace-id", "Root=1-2-3")],
    body=b"twelve bytes",
    client_ip="10.0.0.7",
)


class World:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.put: list[dict[str, Any]] = []
        self.log = AccessLog(put=lambda **call: self.put.append(call), clock=lambda: self.now)

    def serve(self, *, group: str | None = GROUP, enabled: str = "true") -> None:
        balancer = LoadBalancer(
            arn=BALANCER, name="pay", dns_name="x", scheme="internal", ip_address_type="ipv4", vpc_id="vpc-1",
            zones=[], security_groups=[], attributes={**attributes.LOAD_BALANCER, **ON, ENABLED: enabled},
        )  # fmt: skip
        action = {"Type": "forward" if group else "fixed-response"}
        rule = Rule(arn="r", listener_arn="l", priority=10, conditions=[], actions=[action], matches=lambda _: True)
        listener = Listener(
            arn="l", load_balancer_arn=BALANCER, protocol="HTTPS", port=443, ssl_policy="", certificates=[],
            attributes={}, default_rule=replace(rule, priority=None),
        )  # fmt: skip
        answer = HttpResponse(status=201, headers=[], body=b"{}")
        self.log.add(balancer, listener, rule, REQUEST, answer, target_group_arn=group, seconds=0.25)

    def lines(self) -> list[list[str]]:
        return [shlex.split(line) for call in self.put for line in gzip.decompress(call["Body"]).decode().splitlines()]


@pytest.fixture
def world() -> World:
    return World()


def test_a_line_tells_of_the_request_and_its_target(world: World) -> None:
    world.serve()
    world.log.deliver()

    (line,) = world.lines()
    assert line[:5] == ["https", "2023-11-14T22:13:20.000000Z", "app/pay/0123456789abcdef", "10.0.0.7:0", "-"]
    assert line[5:12] == ["0.000", "0.250", "0.000", "201", "201", "12", "2"]
    assert line[12:14] == ["POST https://pay.example.com:443/live/payments?a=b HTTP/1.1", 'says "hello"']
    assert line[16:18] == [GROUP, "Root=1-2-3"]
    assert line[20:23] == ["10", "2023-11-14T22:13:19.750000Z", "forward"]


def test_what_the_load_balancer_answers_itself_has_no_target(world: World) -> None:
    world.serve(group=None)
    world.log.deliver()

    (line,) = world.lines()
    assert line[5:10] == ["-1", "-1", "-1", "201", "-"]
    assert (line[16], line[22]) == ("-", "fixed-response")


def test_files_are_named_as_on_aws_and_come_now_and_then(world: World) -> None:
    world.serve()
    world.log.flush()
    assert world.put == []

    world.now += EVERY_SECONDS
    world.serve()
    world.log.flush()
    world.log.flush()

    (put,) = world.put
    assert (put["account"], put["region"], put["Bucket"]) == (ACCOUNT, "us-east-1", "logs")
    folder, _, name = put["Key"].rpartition("/")
    assert folder == f"alb/AWSLogs/{ACCOUNT}/elasticloadbalancing/us-east-1/2023/11/14"
    assert name.startswith(
        f"{ACCOUNT}_elasticloadbalancing_us-east-1_app.pay.0123456789abcdef_20231114T2213Z_127.0.0.1_"
    )
    assert name.endswith(".log.gz")
    assert len(world.lines()) == 2


def test_a_load_balancer_without_an_access_log_writes_none(world: World) -> None:
    world.serve(enabled="false")
    world.log.deliver()

    assert world.put == []
