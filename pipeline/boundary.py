"""What no role of a branch's environment can ever do, whatever the branch's code says; and who sees to it.

The boundary limits every role that the branch's stacks make. The guard keeps CloudFormation, which makes them, from
making one without it, and from touching what limits it. Both are the account's administrator's: see `PullRequestStack`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import aws_iam as iam
from constructs import Construct

from pipeline import bootstrap
from pipeline.bootstrap import QUALIFIER
from pipeline.permissions import Grant, policy
from release import names

BOUNDARY: Final = f"{names.BRANCHES}-boundary"
TEMPLATES: Final = f"{names.BRANCHES}/"
"""Where in the bootstrap's bucket the template lies that limits branches."""
_OWN: Final = "${aws:PrincipalTag/EnvironmentSuffix}"
"""The branch that a role belongs to. A role without the tag reaches none."""
_ANYWHERE: Final = {
    "apigateway": ["GET", "PATCH"],
    "cloudformation": [
        "DescribeStackEvents",
        "DescribeStacks",
        "GetTemplate",
        "ListStackResources",
    ],
    "cloudwatch": ["DescribeAlarms", "GetDashboard", "GetMetricData", "PutMetricData"],
    "dynamodb": ["ListStreams"],
    "ec2": [
        "AssignPrivateIpAddresses",
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeEgressOnlyInternetGateways",
        "DescribeFlowLogs",
        "DescribeNetworkInterfaces",
        "DescribeRouteTables",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeVpcs",
        "RevokeSecurityGroupEgress",
        "RevokeSecurityGroupIngress",
        "UnassignPrivateIpAddresses",
    ],
    "elasticloadbalancing": ["DescribeListeners", "DescribeLoadBalancers", "DescribeRules", "ModifyRule"],
    "execute-api": ["Invoke"],
    "kms": ["Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateMac", "VerifyMac"],
    "logs": ["CreateLogGroup", "CreateLogStream", "DescribeLogGroups", "DescribeLogStreams", "PutLogEvents"],
    "rds": ["DescribeDBClusters", "DescribeDBInstances"],
    "sns": ["GetTopicAttributes", "Publish"],
    "sqs": ["ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "ReceiveMessage", "SendMessage"],
    "xray": ["PutTelemetryRecords", "PutTraceSegments"],
}
"""Services whose resources are found by ids, or hold nothing of another branch that matters."""


def boundary(scope: Construct, construct_id: str, *, account: str, region: str) -> iam.ManagedPolicy:
    """What payments need, and of secrets, parameters, tables and functions those of the role's own branch."""

    def arn(service: str, resource: str) -> str:
        return f"arn:aws:{service}:{region}:{account}:{resource}"

    of_payments = "A boundary grants nothing: what a role may do, and on what, is in its own policy."
    of_the_branch = "A boundary is one policy for all branches: the variable is the branch of the role that asks."
    tables, functions = arn("dynamodb", f"table/payment-{_OWN}-*"), arn("lambda", f"function:payment-{_OWN}-*")
    parameters = arn("ssm", f"parameter/payment/{_OWN}")
    return policy(
        scope,
        construct_id,
        name=BOUNDARY,
        roles=[],
        grants=[
            Grant(actions=_actions(_ANYWHERE), resources=["*"], wildcard_reason=of_payments),
            Grant(
                actions=_actions(
                    {
                        "secretsmanager": [
                            "DescribeSecret",
                            "GetSecretValue",
                            "PutSecretValue",
                            "UpdateSecretVersionStage",
                        ]
                    }
                ),
                resources=[arn("secretsmanager", f"secret:payment/{_OWN}/*")],
                wildcard_reason=of_the_branch,
            ),
            Grant(
                actions=_actions({"ssm": ["GetParameter", "GetParameters", "GetParametersByPath", "PutParameter"]}),
                resources=[f"{parameters}/*", parameters],
                wildcard_reason=of_the_branch,
            ),
            Grant(
                actions=["ssm:GetParameters"],
                resources=[arn("ssm", f"parameter/cdk-bootstrap/{QUALIFIER}/version")],
            ),
            Grant(
                actions=_actions(
                    {
                        "dynamodb": [
                            "BatchGetItem",
                            "BatchWriteItem",
                            "ConditionCheckItem",
                            "DeleteItem",
                            "DescribeContinuousBackups",
                            "DescribeStream",
                            "DescribeTable",
                            "DescribeTimeToLive",
                            "GetItem",
                            "GetRecords",
                            "GetShardIterator",
                            "PutItem",
                            "Query",
                            "Scan",
                            "UpdateItem",
                        ]
                    }
                ),
                resources=[tables],
                wildcard_reason=of_the_branch,
            ),
            Grant(
                actions=_actions(
                    {
                        "lambda": [
                            "DeleteFunction",
                            "DeleteProvisionedConcurrencyConfig",
                            "GetAlias",
                            "GetFunctionConcurrency",
                            "GetFunctionConfiguration",
                            "GetProvisionedConcurrencyConfig",
                            "InvokeFunction",
                            "ListVersionsByFunction",
                            "PutProvisionedConcurrencyConfig",
                            "UpdateAlias",
                        ]
                    }
                ),
                resources=[functions],
                wildcard_reason=of_the_branch,
            ),
            # A stack keeps the role that it was made with: who updates it has that role's permissions.
            Grant(
                actions=["cloudformation:UpdateStack"],
                resources=[arn("cloudformation", f"stack/payment-{_OWN}-*")],
                wildcard_reason=of_the_branch,
            ),
            Grant(
                actions=["sts:AssumeRole"],
                resources=[f"arn:aws:iam::{account}:role/{names.integration_test_role(_OWN)}"],
            ),
            Grant(
                actions=_actions(
                    {
                        "s3": [
                            "DeleteObject",
                            "DeleteObjectVersion",
                            "GetBucketLocation",
                            "GetBucketObjectLockConfiguration",
                            "GetBucketPolicy",
                            "GetBucketPublicAccessBlock",
                            "GetBucketTagging",
                            "GetBucketVersioning",
                            "GetEncryptionConfiguration",
                            "GetLifecycleConfiguration",
                            "GetObject",
                            "GetObjectVersion",
                            "ListBucket",
                            "ListBucketVersions",
                            "PutBucketPolicy",
                            "PutObject",
                        ]
                    }
                ),
                resources=["arn:aws:s3:::payment-*"],
                wildcard_reason="The library's role that empties buckets has no tag that says whose it is.",
            ),
        ],
    )


def stack_guard(
    scope: Construct, construct_id: str, *, account: str, region: str, roles: Sequence[iam.IRole]
) -> iam.ManagedPolicy:
    """What `roles`, which a branch's build works with, may not do to the stacks that limit it."""
    changes = ("Cancel", "Continue", "Create", "Delete", "Execute", "Rollback", "Set", "Signal", "Update")
    return iam.ManagedPolicy(
        scope,
        construct_id,
        managed_policy_name=f"{names.BRANCHES}-stack-guard",
        description="No change of the stacks that hold what limits branches",
        roles=list(roles),
        statements=[
            _deny("NotTheLimitingStacks", [f"cloudformation:{verb}*" for verb in changes], _limiting_stacks(account)),
            # Moves resources from stack to stack.
            _deny("NoRefactoring", [f"cloudformation:{verb}StackRefactor" for verb in ("Create", "Execute")], ["*"]),
            # The CDK CLI deploys what is there already under the name that it would give.
            _deny("NotTheirTemplates", ["s3:Delete*", "s3:Put*"], [f"{_assets(account, region)}/{TEMPLATES}*"]),
        ],
    )


def _assets(account: str, region: str) -> str:
    return f"arn:aws:s3:::cdk-{QUALIFIER}-assets-{account}-{region}"


def _limiting_stacks(account: str) -> list[str]:
    return [
        f"arn:aws:cloudformation:*:{account}:stack/{name}{rest}"
        for name in (names.BRANCHES, bootstrap.STACK)
        for rest in ("", "/*")
    ]


def guard(
    scope: Construct, construct_id: str, *, account: str, region: str, execution_role: iam.IRole, key_arn: str
) -> iam.ManagedPolicy:
    """What CloudFormation may not do for a branch, over whatever the bootstrap allows it. `key_arn` is the builds'."""
    iam_arn = f"arn:aws:iam::{account}"
    limits = f"{iam_arn}:policy/{BOUNDARY}"
    ours = [f"{names.BRANCHES}*", f"cdk-{QUALIFIER}-*"]
    roles, policies = ([f"{iam_arn}:{kind}/{name}" for name in ours] for kind in ("role", "policy"))
    return iam.ManagedPolicy(
        scope,
        construct_id,
        managed_policy_name=f"{names.BRANCHES}-guard",
        description="No role without the boundary, and no change of what limits branches",
        roles=[execution_role],
        statements=[
            _deny(
                "RolesHaveTheBoundary",
                [
                    "iam:CreateRole",
                    "iam:PutRolePermissionsBoundary",
                    "iam:AttachRolePolicy",
                    "iam:PutRolePolicy",
                    "iam:DetachRolePolicy",
                    "iam:DeleteRolePolicy",
                ],
                ["*"],
                conditions={"StringNotEquals": {"iam:PermissionsBoundary": limits}},
            ),
            _deny(
                "NoOtherIdentities",
                [
                    "iam:DeleteRolePermissionsBoundary",
                    "iam:CreateUser",
                    "iam:CreateAccessKey",
                    "iam:CreateLoginProfile",
                    "iam:CreateOpenIDConnectProvider",
                    "iam:CreateSAMLProvider",
                    "organizations:*",
                ],
                ["*"],
            ),
            # Passing one of them to a build or a function of the branch's own would be as good as having it.
            _deny(
                "NotWhatLimitsBranches",
                [
                    "iam:PassRole",
                    "iam:UpdateAssumeRolePolicy",
                    "iam:UpdateRole",
                    "iam:DeleteRole",
                    "iam:CreatePolicyVersion",
                    "iam:SetDefaultPolicyVersion",
                    "iam:DeletePolicyVersion",
                    "iam:DeletePolicy",
                ],
                [*roles, *policies],
            ),
            # Whose trust, name or tags are not a branch's to change, and which are not its to pass.
            iam.PolicyStatement(
                sid="NoRolesButOfPayments",
                effect=iam.Effect.DENY,
                actions=[
                    "iam:PassRole",
                    "iam:UpdateAssumeRolePolicy",
                    "iam:UpdateRole",
                    "iam:UpdateRoleDescription",
                    "iam:DeleteRole",
                    "iam:TagRole",
                    "iam:UntagRole",
                ],
                not_resources=[f"{iam_arn}:role/payment-*"],
            ),
            _deny(
                "NotTheBuildsSecret",
                ["secretsmanager:*"],
                [f"arn:aws:secretsmanager:*:{account}:secret:{names.BRANCHES}/*"],
            ),
            _deny(
                "NotTheBuilds",
                ["codebuild:*", "cloudformation:*", "dynamodb:*", "events:*", "kms:*", "logs:*"],
                [
                    f"arn:aws:codebuild:*:{account}:project/{names.BRANCHES}*",
                    *_limiting_stacks(account),
                    f"arn:aws:dynamodb:*:{account}:table/{names.BRANCHES}",
                    f"arn:aws:events:*:{account}:rule/{names.BRANCHES}*",
                    key_arn,
                    f"arn:aws:logs:*:{account}:log-group:/{names.BRANCHES}/*",
                ],
            ),
            _deny(
                "NotWhatIsDeployedFrom",
                ["s3:Delete*", "s3:Put*", "ssm:Delete*", "ssm:Put*"],
                [
                    _assets(account, region),
                    f"{_assets(account, region)}/*",
                    f"arn:aws:ssm:*:{account}:parameter/cdk-bootstrap/*",
                    f"arn:aws:ssm:*:{account}:parameter/{names.BRANCHES}/*",
                ],
            ),
        ],
    )


def _actions(by_service: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{service}:{action}" for service, actions in by_service.items() for action in actions]


def _deny(
    sid: str, actions: Sequence[str], resources: Sequence[str], *, conditions: dict[str, dict[str, str]] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        effect=iam.Effect.DENY,
        actions=list(actions),
        resources=list(resources),
        conditions=conditions or {},
    )
