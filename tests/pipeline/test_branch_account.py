"""The account of the branches: who starts its builds, and what these may do."""

from fnmatch import fnmatch
from typing import Any

import pytest

from branches.cost import idle_cost
from branches.room import CONCURRENCY, room
from pipeline.branch_grants import GITHUB_TOKEN_SECRET, build_grants
from pipeline.settings import SETTINGS
from release import names
from stages.environments import PULL_REQUEST_ACCOUNT
from tests.pipeline.synthesis import Assembly
from tests.pipeline.test_access_is_exact import calls_of

GRANTS = build_grants(SETTINGS, account=PULL_REQUEST_ACCOUNT, keys=["arn:aws:kms:us-east-1:555555555555:key/one"])
# GetFunction is what the waiter asks; the rest is what CodeBuild, its source, DynamoDB's key and the key of the
# functions' environments need.
OF_THE_BUILD = {
    "lambda:GetFunction", "kms:Encrypt", "kms:CreateGrant",
    "kms:Decrypt", "kms:GenerateDataKey", "logs:CreateLogStream", "logs:PutLogEvents",
    "codeconnections:GetConnection", "codeconnections:GetConnectionToken", "codeconnections:UseConnection",
    "secretsmanager:GetSecretValue", "secretsmanager:TagResource", "sts:AssumeRole", "s3:ListBucketVersions",
    "s3:DeleteObjectVersion", "s3:DeleteObject", "s3:ListBucket",
}  # fmt: skip
OF_OBJECTS = {"s3:ListObjectVersions", "s3:DeleteObjects", "s3:ListObjectsV2"}


@pytest.fixture(scope="module")
def project(assembly: Assembly) -> dict[str, Any]:
    projects = assembly.resources(names.BRANCHES, "AWS::CodeBuild::Project")
    return dict(next(p for p in projects if p.properties["Name"] == names.BRANCHES).properties)


def test_pull_requests_against_main_start_a_build_whatever_happens_to_them(project: dict[str, Any]) -> None:
    groups = [{f["Type"]: f["Pattern"] for f in group} for group in project["Triggers"]["FilterGroups"]]
    events = {event.strip() for group in groups for event in group["EVENT"].split(",")}
    assert events == {f"PULL_REQUEST_{e}" for e in ("CREATED", "UPDATED", "REOPENED", "CLOSED", "MERGED")}
    # CodeBuild searches for the pattern: without its ends, a pull request against `main-2` would have matched.
    assert {group["BASE_REF"] for group in groups} == {"^refs/heads/main$"}


def test_no_push_is_dropped_because_others_build(assembly: Assembly) -> None:
    projects = assembly.resources(names.BRANCHES, "AWS::CodeBuild::Project")
    assert [p for p in projects if "ConcurrentBuildLimit" in p.properties] == []


def test_a_fork_waits_for_a_maintainers_comment(project: dict[str, Any]) -> None:
    assert project["Triggers"]["PullRequestBuildPolicy"] == {
        "RequiresCommentApproval": "FORK_PULL_REQUESTS",
        "ApproverRoles": ["GITHUB_MAINTAIN", "GITHUB_ADMIN"],
    }


def test_the_source_is_read_through_the_connection(project: dict[str, Any]) -> None:
    assert project["Source"]["Auth"] == {"Type": "CODECONNECTIONS", "Resource": SETTINGS.branches_connection_arn}
    assert project["Source"]["BuildSpec"] == "buildspec.yml"


def test_the_janitor_runs_every_night(assembly: Assembly) -> None:
    (rule,) = assembly.resources(names.BRANCHES, "AWS::Events::Rule")
    assert rule.properties["ScheduleExpression"] == "cron(17 3 * * ? *)"


def test_a_build_may_do_exactly_what_it_does() -> None:
    allowed = {action for grant in GRANTS for action in grant.actions}
    assert allowed == (calls_of("branches") - OF_OBJECTS) | OF_THE_BUILD


def test_a_build_can_remove_every_table_of_an_environment(pull_request: Assembly) -> None:
    deletable = [r for grant in GRANTS if "dynamodb:DeleteTable" in grant.actions for r in grant.resources]
    tables = {
        resource.properties["TableName"]
        for stack in pull_request.templates
        for resource in pull_request.resources(stack, "AWS::DynamoDB::Table")
    }
    assert names.release_table("pr-12") in tables
    prefix = f"arn:aws:dynamodb:us-east-1:{PULL_REQUEST_ACCOUNT}:table/"
    assert [t for t in tables if not any(fnmatch(f"{prefix}{t}", pattern) for pattern in deletable)] == []


def test_an_idle_pull_request_costs_less_than_two_dollars_a_day(pull_request: Assembly) -> None:
    cost = idle_cost(pull_request.directory)
    assert cost.unpriced == frozenset(), "price them in branches/prices.json, or list them there as free while idle"
    assert cost.dollars_per_day < 2, cost.dollars_per_month


def test_concurrency_is_not_what_limits_the_number_of_branches(pull_request: Assembly) -> None:
    by_default, raised = room(pull_request.directory), room(pull_request.directory, {"VPCs": 51})
    assert (by_default["VPCs"], by_default["egress-only internet gateways"], by_default["VPC links"]) == (4, 5, 10)
    assert (by_default[CONCURRENCY], raised["VPCs"]) == (42, 50)
    assert room(pull_request.directory, {CONCURRENCY: 10})[CONCURRENCY] == 0, "a new account has to ask for more first"


def test_no_build_reads_the_secret_of_an_environment() -> None:
    readable = [r for grant in GRANTS if "secretsmanager:GetSecretValue" in grant.actions for r in grant.resources]
    assert [arn.split(":secret:")[1] for arn in readable] == [f"{GITHUB_TOKEN_SECRET}-??????"]


def test_keys_of_functions_are_used_through_lambda_only() -> None:
    (of_functions,) = (grant for grant in GRANTS if "kms:CreateGrant" in grant.actions)
    assert of_functions.conditions == {"StringEquals": {"kms:ViaService": "lambda.us-east-1.amazonaws.com"}}


def test_a_build_reaches_no_other_account() -> None:
    assert all(":111111111111:" not in resource for grant in GRANTS for resource in grant.resources)
    assumed = [r for grant in GRANTS if "sts:AssumeRole" in grant.actions for r in grant.resources]
    assert {arn.split(":")[4] for arn in assumed} == {PULL_REQUEST_ACCOUNT}
