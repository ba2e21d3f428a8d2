"""What the pipeline may do in an environment's account beyond CDK's own deployments.

Deployed once per environment, right after `cdk bootstrap` and before the pipeline: the first freeze needs its
role before any other stack of the environment exists.
"""

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from pipeline import bootstrap
from pipeline.access_grants import deploy_grants, release_grants, test_grants
from pipeline.boundary import BOUNDARY
from pipeline.permissions import policy, role_arn, role_with
from release import names
from stages.constructs.customer_key import CustomerKey
from stages.constructs.nag import acknowledge
from stages.constructs.payment_table import PaymentTable
from stages.constructs.topic import PaymentTopic
from stages.environments import Environment


class EnvironmentAccess(cdk.Stack):
    """The roles that the pipeline's steps assume, and what the bootstrap's deploy role lacks.

    With `builder`, a role of the environment's own account, that role stands for the pipeline's steps, and what an
    account needs only once is in the account's own stack, with the boundary of these roles among it.
    """

    def __init__(
        self, scope: Construct, *, environment: Environment, tooling_account: str, builder: str | None = None
    ) -> None:
        suffix = environment.suffix
        super().__init__(
            scope,
            names.access_stack(suffix),
            stack_name=names.access_stack(suffix),
            env=cdk.Environment(account=environment.account, region=environment.region),
            description=f"Payment system, access of the pipeline to the environment {suffix}",
            permissions_boundary=cdk.PermissionsBoundary.from_name(BOUNDARY) if builder else None,
            tags=dict(environment.tags),
        )
        for key, value in environment.tags.items():
            cdk.Tags.of(self).add(key, value)
        trusted_account = environment.account if builder else tooling_account
        releasing = [builder] if builder else [names.PIPELINE_RELEASE_ROLE, names.PIPELINE_HEAL_ROLE]
        release = role_with(
            self,
            "Release",
            name=names.release_role(suffix),
            trusts=_only(
                *(role_arn(trusted_account, role) for role in releasing),
                # Nothing about a second factor: the key is missing in Identity Center's and in chained sessions.
                *environment.release.operators,
            ),
            grants=release_grants(environment),
        )
        tests = role_with(
            self,
            "IntegrationTest",
            name=names.integration_test_role(suffix),
            trusts=_only(role_arn(trusted_account, builder or names.PIPELINE_TEST_ROLE)),
            grants=test_grants(environment),
        )
        # The controller asks the idle colour before it moves traffic, and only the test role may.
        tests.assume_role_policy.add_statements(  # type: ignore[union-attr]  # the role is made here
            iam.PolicyStatement(principals=[iam.ArnPrincipal(release.role_arn)], actions=["sts:AssumeRole"])
        )
        self._ledger(environment)
        if not builder:
            self._deploy_parameters(environment)
            api_gateway_logging(self, names.resource(suffix, "api-gateway-logging"))

    def _deploy_parameters(self, environment: Environment) -> None:
        deploy_role = iam.Role.from_role_name(
            self,
            "DeployRole",
            bootstrap.role_name("deploy", account=environment.account, region=environment.region),
        )
        policy(
            self,
            "DeployParameters",
            name=names.resource(environment.suffix, "deploy-parameters"),
            roles=[deploy_role],
            grants=deploy_grants(environment),
        )

    def _ledger(self, environment: Environment) -> None:
        """The truth about releases, and where decisions are told; both exist before the environment does."""
        suffix, keep = environment.suffix, environment.storage.keep_on_teardown
        key = CustomerKey(
            self, "LedgerKey", suffix=suffix, role="releases", protects="the ledger of releases", keep=keep
        )
        PaymentTable(self, "Ledger", name=names.release_table(suffix), key=key, keep=keep, sort_key="sk")
        PaymentTopic(
            self, "Decisions", name=names.releases_topic(suffix), display_name=f"Payment releases, {suffix}", key=key
        )


def api_gateway_logging(scope: Construct, name: str) -> None:
    """API Gateway writes access logs with one role per account and region, shared by all its APIs.

    It goes with its stack, which is the last one of its account: kept, it would be in the way of the next stack's.
    """
    role = iam.Role(
        scope,
        "ApiGatewayLogging",
        role_name=name,
        assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
        managed_policies=[
            iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonAPIGatewayPushToCloudWatchLogs")
        ],
    )
    acknowledge(
        role,
        aws="IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        reason="API Gateway checks the account's role for exactly the actions of this policy.",
    )
    apigateway.CfnAccount(scope, "ApiGatewayAccount", cloud_watch_role_arn=role.role_arn)


def _only(*roles: str) -> iam.IPrincipal:
    """Roles by their ARNs. They need not exist yet, as they would have to if they were principals themselves."""
    by_account: dict[str, list[str]] = {}
    for arn in roles:
        by_account.setdefault(arn.split(":")[4], []).append(arn)
    return iam.CompositePrincipal(
        *(
            iam.PrincipalWithConditions(
                iam.AccountPrincipal(account),
                {"ArnLike": {"aws:PrincipalArn": arns if len(arns) > 1 else arns[0]}},
            )
            for account, arns in by_account.items()
        )
    )
