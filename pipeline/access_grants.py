"""What the steps' roles may do in an environment: the actions that the controller and the tests really call."""

from typing import Final

from pipeline.bootstrap import QUALIFIER
from pipeline.permissions import Grant
from release import names
from release.names import Colour
from stages.environments import Environment

_NO_FINER_RESOURCE: Final = "AWS offers no resource finer than * for these Describe actions."
_STACK_ID: Final = "CloudFormation ends a stack's ARN with an id of its own."
_VERSIONS: Final = "The part after the function's name is a version or an alias; versions are numbered by Lambda."
_API_ID: Final = "The id of the API is not known before the environment's first deployment."


def deploy_grants(environment: Environment) -> list[Grant]:
    """CloudFormation resolves parameters of the SSM types with the rights of who creates the change set."""
    return [_parameters(environment, "ssm:GetParameter", "ssm:GetParameters")]


def release_grants(environment: Environment) -> list[Grant]:
    """Observe, move traffic, repeat a stack with its own template, run migrations."""
    suffix = environment.suffix
    coloured = [names.function(suffix, name) for name in names.FUNCTIONS]
    return [
        Grant(
            actions=[
                "cloudformation:DescribeStacks",
                "cloudformation:DescribeStackEvents",
                "cloudformation:GetTemplate",
                "cloudformation:ListStackResources",
                "cloudformation:UpdateStack",
            ],
            resources=_stacks(environment),
            wildcard_reason=_STACK_ID,
        ),
        Grant(
            actions=["ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter"],
            resources=[_arn(environment, "ssm", f"parameter{names.parameter_path(suffix)}/release/*")],
            wildcard_reason="The release records of one environment are all under this path, and nothing else is.",
        ),
        Grant(
            actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query"],
            resources=[_arn(environment, "dynamodb", f"table/{names.release_table(suffix)}")],
        ),
        Grant(
            actions=["s3:PutObject"],
            resources=[f"arn:aws:s3:::{names.audit_bucket(suffix, environment.account)}/releases/*"],
            wildcard_reason="An event of a release is named after its time.",
        ),
        Grant(actions=["sns:Publish"], resources=[_arn(environment, "sns", names.releases_topic(suffix))]),
        Grant(
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[_arn(environment, "kms", "key/*")],
            conditions=_through(environment, "dynamodb", "s3", "sns"),
            wildcard_reason="A key's id is not known beforehand; the condition admits what is named above.",
        ),
        # Repeating a stack resolves its parameters with the caller's rights, as creating a change set does.
        _parameters(environment, "ssm:GetParameters"),
        Grant(
            actions=["ssm:GetParameters"],
            resources=[_arn(environment, "ssm", f"parameter/cdk-bootstrap/{QUALIFIER}/version")],
        ),
        _functions(environment, coloured, "lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetFunctionConfiguration"),
        Grant(
            actions=[
                "lambda:GetProvisionedConcurrencyConfig",
                "lambda:PutProvisionedConcurrencyConfig",
                "lambda:DeleteProvisionedConcurrencyConfig",
            ],
            resources=[
                _arn(environment, "lambda", f"function:{name}:{colour}") for name in coloured for colour in Colour
            ],
        ),
        Grant(
            actions=["lambda:ListVersionsByFunction"],
            resources=[_arn(environment, "lambda", f"function:{name}") for name in coloured],
        ),
        Grant(
            actions=["lambda:DeleteFunction"],
            resources=[_arn(environment, "lambda", f"function:{name}:*") for name in coloured],
            wildcard_reason="Only with a version after the name: the function itself has another ARN.",
        ),
        Grant(
            actions=["lambda:InvokeFunction"],
            resources=[_arn(environment, "lambda", f"function:{names.function(suffix, 'migration')}")],
        ),
        Grant(
            actions=[
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeRules",
            ],
            resources=["*"],
            wildcard_reason=_NO_FINER_RESOURCE,
        ),
        Grant(
            actions=["elasticloadbalancing:ModifyRule"],
            resources=[_arn(environment, "elasticloadbalancing", f"listener-rule/app/{names.load_balancer(suffix)}/*")],
            wildcard_reason="Elastic Load Balancing ends the ARN with ids of the balancer, the listener and the rule.",
        ),
        Grant(
            actions=["apigateway:GET", "apigateway:PATCH"],
            resources=[_api(environment, f"/restapis/*/stages/{names.LIVE_STAGE}")],
            wildcard_reason=_API_ID,
        ),
        Grant(
            actions=["apigateway:GET"],
            resources=[_api(environment, "/restapis/*/deployments/*")],
            wildcard_reason="API Gateway makes the ids of an API and of its deployments.",
        ),
        Grant(
            actions=["sts:AssumeRole"],
            resources=[f"arn:aws:iam::{environment.account}:role/{names.integration_test_role(suffix)}"],
        ),
        _alarms(),
        Grant(
            actions=["cloudwatch:GetMetricData"],
            resources=["*"],
            wildcard_reason="CloudWatch has no resources for reading metrics.",
        ),
    ]


def test_grants(environment: Environment) -> list[Grant]:
    """Read what was deployed, and call the API on the idle colour."""
    suffix = environment.suffix
    tables = _arn(environment, "dynamodb", f"table/{names.prefix(suffix)}-*")
    functions = [names.function(suffix, name) for name in (*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS)]
    return [
        Grant(
            actions=["cloudformation:DescribeStacks", "cloudformation:ListStackResources"],
            resources=_stacks(environment),
            wildcard_reason=_STACK_ID,
        ),
        Grant(
            actions=["execute-api:Invoke"],
            resources=[_arn(environment, "execute-api", f"*/{names.preview_stage(colour)}/*") for colour in Colour],
            wildcard_reason=_API_ID,
        ),
        Grant(
            actions=[
                "ec2:DescribeVpcs",
                "ec2:DescribeSubnets",
                "ec2:DescribeRouteTables",
                "ec2:DescribeFlowLogs",
                "ec2:DescribeSecurityGroups",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeRules",
            ],
            resources=["*"],
            wildcard_reason=_NO_FINER_RESOURCE,
        ),
        Grant(
            actions=["rds:DescribeDBClusters", "rds:DescribeDBInstances"],
            resources=[
                _arn(environment, "rds", f"cluster:{names.database_cluster(suffix)}"),
                _arn(environment, "rds", f"db:{names.prefix(suffix)}-*"),
            ],
            wildcard_reason="The writer and each reader are an instance; how many there are is the environment's data.",
        ),
        Grant(
            actions=[
                "dynamodb:DescribeTable",
                "dynamodb:DescribeContinuousBackups",
                "dynamodb:DescribeTimeToLive",
                "dynamodb:GetItem",
                "dynamodb:Query",
            ],
            resources=[tables, f"{tables}/index/*"],
            wildcard_reason="The tests read all tables of this environment and their indexes, and no others.",
        ),
        Grant(
            actions=["kms:Decrypt"],
            resources=[_arn(environment, "kms", "key/*")],
            conditions=_through(environment, "dynamodb", "s3"),
            wildcard_reason="A key's id is not known beforehand; the condition admits reads of tables and records.",
        ),
        Grant(
            actions=["kms:DescribeKey"],
            resources=[_arn(environment, "kms", "key/*")],
            wildcard_reason="A key's id is not known beforehand; the action neither reveals nor uses key material.",
        ),
        Grant(
            actions=[
                "s3:GetBucketObjectLockConfiguration",
                "s3:GetBucketVersioning",
                "s3:GetLifecycleConfiguration",
                "s3:GetEncryptionConfiguration",
                "s3:GetBucketPublicAccessBlock",
                "s3:GetBucketPolicy",
                "s3:ListBucketVersions",
            ],
            resources=[f"arn:aws:s3:::{names.audit_bucket(suffix, environment.account)}"],
        ),
        Grant(
            actions=["s3:GetObject"],
            resources=[f"arn:aws:s3:::{names.audit_bucket(suffix, environment.account)}/*"],
            wildcard_reason="The tests read the audit records of the payments that they make.",
        ),
        Grant(
            actions=["sqs:GetQueueAttributes"],
            resources=[_arn(environment, "sqs", names.audit_failures_queue(suffix))],
        ),
        Grant(
            actions=["secretsmanager:DescribeSecret"],
            resources=[_arn(environment, "secretsmanager", f"secret:payment/{suffix}/database/*")],
            wildcard_reason="Secrets Manager ends a secret's ARN with six random characters.",
        ),
        _functions(
            environment,
            functions,
            "lambda:GetFunctionConfiguration",
            "lambda:GetFunctionConcurrency",
            "lambda:GetAlias",
        ),
        Grant(
            actions=["lambda:InvokeFunction"],
            resources=[
                _arn(environment, "lambda", f"function:{names.function(suffix, name)}")
                for name in ("migration", "rotation", "sweeper")
            ],
        ),
        Grant(
            actions=["cloudwatch:GetDashboard"],
            resources=[f"arn:aws:cloudwatch::{environment.account}:dashboard/{names.dashboard(suffix)}"],
        ),
        _alarms(),
        _parameters(environment, "ssm:GetParameter", "ssm:GetParametersByPath"),
        Grant(
            actions=["apigateway:GET"],
            resources=[
                _api(environment, "/restapis/*/resources"),
                *(_api(environment, f"/restapis/*/stages/{stage}") for stage in _stages()),
            ],
            wildcard_reason=_API_ID,
        ),
        Grant(
            actions=["sns:GetTopicAttributes"],
            resources=[
                _arn(environment, "sns", names.alerts_topic(suffix)),
                _arn(environment, "sns", names.failed_transactions_topic(suffix)),
            ],
        ),
    ]


def _arn(environment: Environment, service: str, resource: str) -> str:
    return f"arn:aws:{service}:{environment.region}:{environment.account}:{resource}"


def _through(environment: Environment, *services: str) -> dict[str, dict[str, list[str]]]:
    """Only where these services use a key for the caller."""
    return {"StringEquals": {"kms:ViaService": [f"{each}.{environment.region}.amazonaws.com" for each in services]}}


def _api(environment: Environment, path: str) -> str:
    return f"arn:aws:apigateway:{environment.region}::{path}"


def _stages() -> list[str]:
    return [names.LIVE_STAGE, *(names.preview_stage(colour) for colour in Colour)]


def _stacks(environment: Environment) -> list[str]:
    return [_arn(environment, "cloudformation", f"stack/{stack}/*") for stack in names.stacks(environment.suffix)]


def _parameters(environment: Environment, *actions: str) -> Grant:
    return Grant(
        actions=actions,
        resources=[_arn(environment, "ssm", f"parameter{names.parameter_path(environment.suffix)}/*")],
        wildcard_reason="All parameters of one environment are under this path, and no secret is among them.",
    )


def _functions(environment: Environment, functions: list[str], *actions: str) -> Grant:
    plain = [_arn(environment, "lambda", f"function:{function}") for function in functions]
    return Grant(actions=actions, resources=[*plain, *(f"{arn}:*" for arn in plain)], wildcard_reason=_VERSIONS)


def _alarms() -> Grant:
    return Grant(
        actions=["cloudwatch:DescribeAlarms"],
        resources=["*"],
        wildcard_reason="CloudWatch hides composite alarms from callers whose permission names single alarms.",
    )
