"""Ways to AWS's services that do not leave the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from release import names
from stages.configuration import INTERFACE_SERVICES


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What the functions may do through an endpoint; `resources` are ARN patterns of this environment."""

    actions: Sequence[str]
    resources: Sequence[str]


TABLE_ACTIONS: Final = (
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
)


def reach_of(service: str, *, suffix: str, account: str, region: str) -> Reach:
    """What an environment's functions need of a service, and nothing of anybody else's."""

    def arn(kind: str, name: str) -> str:
        return f"arn:aws:{kind}:{region}:{account}:{name}"

    prefix = names.prefix(suffix)
    return {
        "dynamodb": Reach(
            actions=TABLE_ACTIONS,
            resources=[arn("dynamodb", f"table/{prefix}-*"), arn("dynamodb", f"table/{prefix}-*/index/*")],
        ),
        "s3": Reach(actions=["s3:PutObject"], resources=[f"arn:aws:s3:::{names.audit_bucket(suffix, account)}/*"]),
        "kms": Reach(
            actions=["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateMac"], resources=[arn("kms", "key/*")]
        ),
        "lambda": Reach(actions=["lambda:InvokeFunction"], resources=[arn("lambda", f"function:{prefix}-*")]),
        "secretsmanager": Reach(
            actions=[
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            resources=[arn("secretsmanager", f"secret:payment/{suffix}/*")],
        ),
        "sns": Reach(actions=["sns:Publish"], resources=[arn("sns", f"{prefix}-*")]),
        "ssm": Reach(
            actions=["ssm:GetParameters", "ssm:GetParametersByPath"],
            resources=[arn("ssm", f"parameter{names.config_prefix(suffix)}{rest}") for rest in ("", "/*")],
        ),
    }[service]


def restrict(endpoint: ec2.VpcEndpoint, service: str, *, suffix: str) -> None:
    """Let nothing through but calls of this account's identities that the environment's functions make."""
    stack = Stack.of(endpoint)
    reach = reach_of(service, suffix=suffix, account=stack.account, region=stack.region)
    endpoint.add_to_policy(
        iam.PolicyStatement(
            sid="OwnFunctions",
            principals=[iam.AnyPrincipal()],
            actions=list(reach.actions),
            resources=list(reach.resources),
            conditions={"StringEquals": {"aws:PrincipalAccount": stack.account}},
        )
    )


def add_gateway_endpoints(vpc: ec2.Vpc, *, suffix: str) -> None:
    """To buckets and tables; they cost nothing."""
    services = {"S3": ec2.GatewayVpcEndpointAwsService.S3, "DynamoDb": ec2.GatewayVpcEndpointAwsService.DYNAMODB}
    for construct_id, service in services.items():
        restrict(vpc.add_gateway_endpoint(construct_id, service=service), construct_id.lower(), suffix=suffix)


def add_interface_endpoints(
    vpc: ec2.Vpc, services: Sequence[str], *, suffix: str, security_group: ec2.ISecurityGroup
) -> None:
    """In every zone, under the service's own name. What comes in is what `security_group` lets in."""
    known = {
        "kms": ec2.InterfaceVpcEndpointAwsService.KMS,
        "lambda": ec2.InterfaceVpcEndpointAwsService.LAMBDA_,
        "secretsmanager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
        "sns": ec2.InterfaceVpcEndpointAwsService.SNS,
        "ssm": ec2.InterfaceVpcEndpointAwsService.SSM,
    }
    assert known.keys() == INTERFACE_SERVICES  # noqa: S101 - the data's check and this table are one list
    for service in services:
        endpoint = vpc.add_interface_endpoint(
            f"{service.capitalize()}Endpoint",
            service=known[service],
            private_dns_enabled=True,
            open=False,
            security_groups=[security_group],
            subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
        )
        restrict(endpoint, service, suffix=suffix)
