"""A function that does nothing, on the road of a payment: the same API, VPC link, load balancer and listener."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import boto3

NAME = "bench-empty"
STAGE = "bench"
PRIORITY = 900
SOURCE = """
def handler(event, context):
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": "{}"}
"""


def add_empty_function(session: boto3.Session, outputs: Mapping[str, str]) -> str:
    """Make the function and its road; returns the URL that it answers."""
    target_group = _behind_a_target_group(session)
    session.client("elbv2").create_rule(
        ListenerArn=outputs["ListenerArn"],
        Priority=PRIORITY,
        Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": [f"/{NAME}", f"/*/{NAME}"]}}],
        Actions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )
    host, _, live = outputs["ApiUrl"].rstrip("/").rpartition("/")
    _add_method(session, api_id=host.removeprefix("https://").partition(".")[0], stage=live)
    return f"{host}/{STAGE}/{NAME}"


def _behind_a_target_group(session: boto3.Session) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = session.client("iam").create_role(
        RoleName=NAME, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", SOURCE)
    functions = session.client("lambda")
    function = functions.create_function(
        FunctionName=NAME,
        Runtime="python3.13",
        Architectures=["arm64"],
        Handler="index.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": packed.getvalue()},
        Publish=True,
    )["FunctionArn"]
    functions.add_permission(
        FunctionName=NAME,
        StatementId="load-balancer",
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
    )
    balancing = session.client("elbv2")
    group = balancing.create_target_group(Name=NAME, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    balancing.register_targets(TargetGroupArn=group, Targets=[{"Id": function}])
    return group


def _add_method(session: boto3.Session, *, api_id: str, stage: str) -> None:
    """A method with the integration of POST /payments, in a stage of its own that has the live one's variables."""
    api = session.client("apigateway")
    resources = {r["path"]: r["id"] for r in api.get_resources(restApiId=api_id, limit=500)["items"]}
    model: Any = api.get_integration(restApiId=api_id, resourceId=resources["/payments"], httpMethod="POST")
    made = api.create_resource(restApiId=api_id, parentId=resources["/"], pathPart=NAME)["id"]
    api.put_method(restApiId=api_id, resourceId=made, httpMethod="POST", authorizationType="AWS_IAM")
    api.put_integration(
        restApiId=api_id,
        resourceId=made,
        httpMethod="POST",
        type=model["type"],
        integrationHttpMethod="POST",
        uri=model["uri"].rpartition("/")[0] + f"/{NAME}",
        connectionType=model["connectionType"],
        connectionId=model["connectionId"],
        integrationTarget=model["integrationTarget"],
    )
    deployment = api.create_deployment(restApiId=api_id)["id"]
    variables = api.get_stage(restApiId=api_id, stageName=stage).get("variables", {})
    api.create_stage(restApiId=api_id, stageName=STAGE, deploymentId=deployment, variables=variables)
