"""What the tests of the load balancer and of API Gateway need around them: a network, a function, raw HTTP."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.engine.embedded import zipped

REGION = "us-east-1"

# Answers with its event, or as the header x-behave asks.
FUNCTION_SOURCE = """
import json

ANSWERS = {
    "no-status": {"body": "x"},
    "text": "not an object",
    "bad-body": {"statusCode": 200, "body": {"not": "text"}},
    "bad-base64": {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
    "bad-headers": {"statusCode": 200, "headers": {"x-number": 1}},
    "text-status": {"statusCode": "201", "statusDescription": "201 Created", "body": "made"},
    "bytes": {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "AAEC", "isBase64Encoded": True},
    "cookies": {"statusCode": 200, "multiValueHeaders": {"set-cookie": ["a=1", "b=2"]}, "body": ""},
    "teapot": {"statusCode": 418, "headers": {"Connection": "close", "x-kept": "yes"}, "body": "short"},
}


def handler(event, context):
    headers = event.get("headers") or {k: v[-1] for k, v in event.get("multiValueHeaders", {}).items()}
    behave = headers.get("x-behave", "")
    if behave == "raise":
        raise RuntimeError("on purpose")
    if behave == "huge":
        return {"statusCode": 200, "body": "x" * (1024 * 1024)}
    if behave:
        return ANSWERS[behave]
    seen = {"arn": context.invoked_function_arn, "event": event}
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "body": json.dumps(seen),
    }
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def send(
    endpoint: str,
    *,
    host: str,
    path: str = "/",
    method: str = "GET",
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    body: bytes = b"",
) -> Answer:
    """One HTTP request to the engine's port with any Host header, repeated headers included."""
    address = urlsplit(endpoint)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
    for name, value in [("Host", host), *pairs, ("Content-Length", str(len(body)))]:
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    answer = Answer(status=response.status, headers=response.headers, body=response.read())
    connection.close()
    return answer


def make_network(ec2: Any) -> tuple[list[str], str]:
    """Two subnets in two zones of a new VPC, and a security group whose members reach each other over HTTPS."""
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(GroupName="balancer", Description="balancer", VpcId=vpc)["GroupId"]
    pair = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[pair])
    return subnets, group


def make_function(iam: Any, functions: Any, *, name: str) -> str:
    """A function with aliases blue and green on one version; its unqualified ARN."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = iam.create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    made = functions.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": zipped({"app.py": FUNCTION_SOURCE})},
        Publish=True,
        Timeout=10,
    )
    for alias in ("blue", "green"):
        functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=made["Version"])
    arn: str = made["FunctionArn"]
    return arn.removesuffix(f":{made['Version']}")


def allow_load_balancer(functions: Any, *, name: str, alias: str, **condition: str) -> None:
    functions.add_permission(
        FunctionName=name,
        Qualifier=alias,
        StatementId=f"elb-{alias}",
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
        **condition,
    )
