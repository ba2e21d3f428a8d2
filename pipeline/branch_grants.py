"""What the build of a branch may do in the branches' account: deploy through CDK's roles, and remove by name."""

from typing import Final

from pipeline import bootstrap
from pipeline.permissions import Grant, role_arn
from pipeline.settings import PipelineSettings
from release import names

GITHUB_TOKEN_SECRET: Final = f"{names.BRANCHES}/github-token"
_ANY_BRANCH: Final = "The names of all environments in this account begin so; which branches there will be is unknown."
_LISTS: Final = "AWS offers no resource finer than * for these actions, which only list."


def build_grants(settings: PipelineSettings, *, account: str, keys: list[str]) -> list[Grant]:
    """`keys` encrypt the records and the build's log. No action reads the secret of an environment."""
    region = settings.region

    def arn(service: str, resource: str) -> str:
        return f"arn:aws:{service}:{region}:{account}:{resource}"

    records = arn("dynamodb", f"table/{names.BRANCHES}")
    deploys = [bootstrap.role_arn(p, account=account, region=region) for p in ("deploy", "file-publishing")]
    functions = arn("lambda", "function:payment-*")
    return [
        Grant(
            actions=["sts:AssumeRole"],
            resources=[
                *deploys,
                role_arn(account, names.release_role("*")),
                role_arn(account, names.integration_test_role("*")),
            ],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=["dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Scan"],
            resources=[records],
        ),
        Grant(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=keys),
        Grant(
            actions=["cloudformation:ListStackResources", "cloudformation:DescribeStackEvents"],
            resources=[arn("cloudformation", "stack/payment-*")],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=["cloudformation:DeleteStack"],
            resources=[arn("cloudformation", "stack/payment-*")],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=[
                "cloudformation:DescribeStacks",
                "logs:DescribeLogGroups",
                "rds:DescribeDBClusterSnapshots",
                "secretsmanager:ListSecrets",
            ],
            resources=["*"],
            wildcard_reason=_LISTS,
        ),
        Grant(
            actions=[
                "lambda:GetFunctionConfiguration",
                "lambda:GetFunction",
                "lambda:UpdateFunctionConfiguration",
                "lambda:DeleteFunction",
            ],
            resources=[functions],
            wildcard_reason=_ANY_BRANCH,
        ),
        # Lambda checks these of whoever changes a function whose environment has a customer's key.
        Grant(
            actions=["kms:Encrypt", "kms:Decrypt", "kms:CreateGrant"],
            resources=[arn("kms", "key/*")],
            conditions={"StringEquals": {"kms:ViaService": f"lambda.{region}.amazonaws.com"}},
            wildcard_reason="Every environment has a key of its own; no secret is in a function's environment.",
        ),
        Grant(
            actions=["dynamodb:DescribeTable", "dynamodb:DeleteTable"],
            resources=[
                arn("dynamodb", f"table/payment-*-{role}")
                for role in ("transactions", "idempotency", "velocity", "releases")
            ],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=["logs:DeleteLogGroup"],
            resources=[
                arn("logs", f"log-group:{prefix}")
                for prefix in ("/payment/*", "/aws/lambda/payment-*", "/aws/rds/cluster/payment-*")
            ],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=["rds:DeleteDBClusterSnapshot"],
            resources=[arn("rds", "cluster-snapshot:payment-*")],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=[
                "s3:GetBucketObjectLockConfiguration",
                "s3:ListBucket",
                "s3:ListBucketVersions",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:DeleteBucket",
            ],
            resources=["arn:aws:s3:::payment-*"],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=[
                "secretsmanager:CreateSecret",
                "secretsmanager:TagResource",
                "secretsmanager:DescribeSecret",
                "secretsmanager:DeleteSecret",
            ],
            resources=[arn("secretsmanager", "secret:payment/*")],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=["secretsmanager:GetSecretValue"],
            resources=[arn("secretsmanager", f"secret:{GITHUB_TOKEN_SECRET}-??????")],
        ),
        Grant(
            # The janitor lists all branches' parameters, a build its own.
            actions=["ssm:GetParametersByPath"],
            resources=[arn("ssm", "parameter/payment"), arn("ssm", "parameter/payment/*")],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=["ssm:PutParameter", "ssm:DeleteParameter"],
            resources=[arn("ssm", "parameter/payment/*")],
            wildcard_reason=_ANY_BRANCH,
        ),
        Grant(
            actions=["ssm:GetParameter"],
            resources=[
                arn("ssm", f"parameter/{names.BRANCHES}/edge/{name}") for name in ("certificate-arn", "domain-name")
            ],
        ),
        Grant(
            actions=[
                "codeconnections:GetConnection",
                "codeconnections:GetConnectionToken",
                "codeconnections:UseConnection",
            ],
            resources=[settings.branches_connection_arn],
        ),
        Grant(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[arn("logs", f"log-group:{LOG_GROUP}"), arn("logs", f"log-group:{LOG_GROUP}:*")],
            wildcard_reason="Every build writes a log stream of its own.",
        ),
    ]


LOG_GROUP: Final = f"/{names.BRANCHES}/builds"
