"""The roles in an environment's account allow what the controller and the tests call, and nothing more."""

import re
from collections.abc import Mapping
from typing import Final

import botocore.session
import pytest
from botocore import xform_name

from pipeline import access_grants
from pipeline.permissions import Grant
from stages.environments import DEV
from tests.pipeline.synthesis import ROOT

IAM_SERVICE: Final = {"elbv2": "elasticloadbalancing"}
IAM_ACTION: Final[Mapping[str, str]] = {
    "apigateway:GetDeployment": "apigateway:GET",
    "apigateway:GetResources": "apigateway:GET",
    "apigateway:GetStage": "apigateway:GET",
    "apigateway:UpdateStage": "apigateway:PATCH",
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
}
# What AWS checks of the caller on the way of another call.
RESOLVES_TEMPLATE_PARAMETERS: Final = {"ssm:GetParameters"}
DECRYPTS_TABLES: Final = {"kms:Decrypt"}
ASKS_AS_THE_TEST_ROLE: Final = {"sts:AssumeRole"}
ENCRYPTS_EVENTS: Final = {"kms:GenerateDataKey"}
PAYS: Final = {"execute-api:Invoke"}
# The builds' own roles do this, in the tooling account.
OF_THE_CALLER: Final = {"sts:AssumeRole", "codepipeline:ListActionExecutions", "codepipeline:GetPipelineState"}
# Everybody may ask who they are.
WITHOUT_PERMISSION: Final = {"sts:GetCallerIdentity"}


def calls_of(folder: str) -> set[str]:
    """IAM actions of every AWS operation that the Python files of a folder call by name."""
    text = "\n".join(file.read_text() for file in sorted((ROOT / folder).rglob("*.py")))
    session = botocore.session.get_session()
    operations: set[str] = set()
    for service in set(re.findall(r'client\(\s*"([a-z0-9-]+)"', text)):
        for operation in session.get_service_model(service).operation_names:
            method = xform_name(operation)
            if re.search(rf'\.{method}\(|get_paginator\("{method}"\)', text):
                operations.add(f"{IAM_SERVICE.get(service, service)}:{operation}")
    return {IAM_ACTION.get(operation, operation) for operation in operations} - OF_THE_CALLER - WITHOUT_PERMISSION


CONTROLLER: Final = calls_of("release")
TESTS: Final = calls_of("integ_tests")
# The tests' role also runs the controller's `outputs` and `status`, which only look; a failed update is not theirs,
# and neither are the metrics that only a shift compares.
FOR_STATUS: Final = {
    action
    for action in CONTROLLER
    if re.search(r":(Describe|List|Get|GET)", action)
    and not re.search("Events|MetricData|Template|Versions|Provisioned", action)
}


def test_calls_are_found_in_the_code() -> None:
    assert {"elasticloadbalancing:ModifyRule", "cloudformation:UpdateStack", "apigateway:PATCH"} <= CONTROLLER
    assert {"dynamodb:Query", "rds:DescribeDBClusters"} <= TESTS


@pytest.mark.parametrize(
    ("grants", "needed"),
    [
        (
            access_grants.release_grants(DEV),
            CONTROLLER | RESOLVES_TEMPLATE_PARAMETERS | DECRYPTS_TABLES | ENCRYPTS_EVENTS | ASKS_AS_THE_TEST_ROLE,
        ),
        (access_grants.test_grants(DEV), TESTS | FOR_STATUS | DECRYPTS_TABLES | PAYS),
    ],
    ids=["release", "integration-test"],
)
def test_a_role_allows_exactly_the_calls_that_are_made(grants: list[Grant], needed: set[str]) -> None:
    allowed = {action for grant in grants for action in grant.actions}
    assert allowed == needed, "edit pipeline/access_grants.py together with the call"
