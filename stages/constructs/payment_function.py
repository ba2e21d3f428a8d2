"""Functions of the payment system: what every one of them has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Duration, IgnoreMode, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from release import names
from stages.configuration import ComputeConfig
from stages.constructs.log_group import PaymentLogGroup
from stages.constructs.nag import acknowledge

SOURCES = Path(__file__).parents[2] / "lambda_src"
SHARED_PACKAGE = "payment_core"
METRICS_NAMESPACE = "Payment"
RUNTIME = lambda_.Runtime.PYTHON_3_13
ARCHITECTURE = lambda_.Architecture.ARM_64


@dataclass(frozen=True, kw_only=True)
class FunctionPlatform:
    """What all functions of an environment run on. With `egress_over_ipv6` there is no other way out of `vpc`."""

    suffix: str
    config: ComputeConfig
    vpc: ec2.IVpc
    egress_over_ipv6: bool
    security_group: ec2.ISecurityGroup
    layer: lambda_.ILayerVersion
    logs_key: kms.IKey
    configuration_key: kms.IKey
    processor: str


class PaymentFunction(Construct):
    """A VPC function with a role, a log group and a share of the account's concurrency of its own.

    `package` is the Python package with the handler's `module`; its code is that package and the shared core,
    so that a change elsewhere does not make a new version of it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        package: str,
        platform: FunctionPlatform,
        timeout: Duration,
        statements: Sequence[iam.PolicyStatement],
        environment: dict[str, str] | None = None,
        module: str = "handler",
    ) -> None:
        super().__init__(scope, construct_id)
        suffix, sizes = platform.suffix, platform.config.functions[name]
        self.name = name
        log_group = PaymentLogGroup(
            self,
            "LogGroup",
            name=names.log_group(suffix, name),
            key=platform.logs_key,
            retention_days=platform.config.log_retention_days,
        )
        self.policy = _policy(self, name=name, suffix=suffix, statements=statements)
        self.role = iam.Role(
            self,
            "Role",
            role_name=names.function(suffix, name),
            description=f"The function {names.function(suffix, name)}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            managed_policies=[self.policy],
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=names.function(suffix, name),
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=function_code(package),
            handler=f"{package}.{module}.handler",
            layers=[platform.layer],
            memory_size=sizes.memory_mib,
            timeout=timeout,
            reserved_concurrent_executions=sizes.reserved_concurrency,
            role=self.role.without_policy_updates(),
            vpc=platform.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            ipv6_allowed_for_dual_stack=platform.egress_over_ipv6 or None,
            security_groups=[platform.security_group],
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE,
            environment_encryption=platform.configuration_key,
            environment={
                "ENVIRONMENT_SUFFIX": suffix,
                "PARAMETER_PREFIX": names.config_prefix(suffix),
                # With the version, so that a colour keeps the processor whose tokens it makes.
                "PROCESSOR": platform.processor,
                "LOG_LEVEL": platform.config.log_level,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                # Without it the SDK asks for host names that have IPv4 addresses only.
                **({"AWS_USE_DUALSTACK_ENDPOINT": "true"} if platform.egress_over_ipv6 else {}),
                **(environment or {}),
            },
        )
        acknowledge(
            self.function,
            aws="L1",
            reason="The locked packages are wheels for CPython 3.13; a newer runtime could not import them",
        )


def function_code(package: str) -> lambda_.Code:
    """`package` and the shared core, without caches and tests."""
    return lambda_.Code.from_asset(
        str(SOURCES),
        ignore_mode=IgnoreMode.GIT,
        exclude=["/*", f"!/{package}", f"!/{SHARED_PACKAGE}", "__pycache__", "*.pyc", "tests"],
    )


def _policy(
    scope: Construct, *, name: str, suffix: str, statements: Sequence[iam.PolicyStatement]
) -> iam.ManagedPolicy:
    stack = Stack.of(scope)
    account = f"{stack.region}:{stack.account}"
    log_streams = f"arn:aws:logs:{account}:log-group:{names.log_group(suffix, name)}:*"
    function_arn = f"arn:aws:lambda:{account}:function:{names.function(suffix, name)}"
    configuration = f"arn:aws:ssm:{account}:parameter{names.config_prefix(suffix)}"
    policy = iam.ManagedPolicy(
        scope,
        "Policy",
        managed_policy_name=names.function(suffix, name),
        description=f"What the function {names.function(suffix, name)} may do",
        statements=[
            iam.PolicyStatement(
                sid="Logs", actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_streams]
            ),
            iam.PolicyStatement(
                sid="Configuration",
                # By path is how the release before this one reads; its versions may be live.
                actions=["ssm:GetParameters", "ssm:GetParametersByPath"],
                resources=[configuration, f"{configuration}/*"],
            ),
            *_platform_statements(function_arn),
            *statements,
        ],
    )
    acknowledge(
        policy,
        aws=f"IAM5[Resource::arn:aws:logs:{account}:log-group:{names.log_group(suffix, name)}:*]",
        reason="Lambda chooses the names of the streams within the function's own log group",
    )
    acknowledge(
        policy,
        aws=f"IAM5[Resource::arn:aws:ssm:{account}:parameter{names.config_prefix(suffix)}/*]",
        reason="The function reads its configuration by path; secrets are not in Parameter Store",
    )
    acknowledge(
        policy,
        aws="IAM5[Resource::*]",
        reason="X-Ray writes, dynamodb:ListStreams (which an event source needs) and ec2:DescribeNetworkInterfaces "
        "support no resources; the interfaces that Lambda makes "
        "have no ids before, and the function's own code is denied these EC2 actions",
    )
    return policy


def _platform_statements(function_arn: str) -> list[iam.PolicyStatement]:
    interfaces = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    ]
    return [
        iam.PolicyStatement(sid="NetworkInterfaces", actions=interfaces, resources=["*"]),
        # Lambda itself calls these for the function; a caller inside the function carries its ARN and is refused.
        iam.PolicyStatement(
            sid="NotFromTheCode",
            effect=iam.Effect.DENY,
            actions=interfaces,
            resources=["*"],
            conditions={"ArnEquals": {"lambda:SourceFunctionArn": function_arn}},
        ),
        iam.PolicyStatement(
            sid="Traces", actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"]
        ),
    ]
