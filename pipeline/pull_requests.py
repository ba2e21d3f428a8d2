"""The account of the branches: what builds, removes and limits their environments."""

import re
from typing import Final, cast

import aws_cdk as cdk
from aws_cdk import Duration
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from pipeline import bootstrap, branch_grants, toolchain
from pipeline.access import api_gateway_logging
from pipeline.boundary import TEMPLATES, boundary, guard, stack_guard
from pipeline.build_log import build_log
from pipeline.permissions import Grant, policy, role_with
from pipeline.settings import PipelineSettings
from release import names
from stages.constructs.nag import acknowledge
from stages.constructs.payment_table import PaymentTable

_OPENED_OR_UPDATED: Final = (
    codebuild.EventAction.PULL_REQUEST_CREATED,
    codebuild.EventAction.PULL_REQUEST_UPDATED,
    codebuild.EventAction.PULL_REQUEST_REOPENED,
)
_ENDED: Final = (codebuild.EventAction.PULL_REQUEST_CLOSED, codebuild.EventAction.PULL_REQUEST_MERGED)
_MAINTAINERS: Final = ("GITHUB_MAINTAIN", "GITHUB_ADMIN")
# A deployment from nothing takes half an hour, its removal as long, and a push may wait for the one before it.
_BUILD_MINUTES: Final = 180


class PullRequestStack(cdk.Stack):
    """One build project for every pull request against the pipeline's branch, a nightly one that tidies up, the records
    of all environments, and what the account needs only once."""

    def __init__(self, scope: Construct, *, settings: PipelineSettings, account: str) -> None:
        super().__init__(
            scope,
            names.BRANCHES,
            stack_name=names.BRANCHES,
            env=cdk.Environment(account=account, region=settings.region),
            description="Payment system: environments of branches",
            # Deployed by the account's administrator as such: the role with which CloudFormation deploys branches may
            # not touch what limits them.
            synthesizer=cdk.CliCredentialsStackSynthesizer(bucket_prefix=TEMPLATES),
            tags={**settings.tags, "Environment": "branches"},
        )
        for name, value in {**settings.tags, "Environment": "branches"}.items():
            cdk.Tags.of(self).add(name, value)
        self._settings = settings
        self._key, self._logs = build_log(
            self,
            owner=names.BRANCHES,
            protects="records and build logs",
            log_group_name=branch_grants.LOG_GROUP,
            retention_days=settings.log_days,
        )
        PaymentTable(self, "Records", name=names.BRANCHES, key=self._key, keep=False)
        self._role = role_with(
            self,
            "Build",
            name=names.BRANCHES_BUILD_ROLE,
            trusts=iam.ServicePrincipal("codebuild.amazonaws.com"),
            grants=branch_grants.build_grants(settings, account=account, keys=[self._key.key_arn]),
        )
        self._deploy_role = self._of_bootstrap("DeployRole", "deploy")
        self._deploy_parameters(account)
        boundary(self, "Boundary", account=account, region=settings.region)
        guard(
            self,
            "Guard",
            account=account,
            region=settings.region,
            execution_role=self._of_bootstrap("ExecutionRole", "cfn-exec"),
            key_arn=self._key.key_arn,
        )
        stack_guard(
            self,
            "StackGuard",
            account=account,
            region=settings.region,
            roles=[self._deploy_role, self._of_bootstrap("PublishingRole", "file-publishing"), self._role],
        )
        api_gateway_logging(self, f"{names.BRANCHES}-api-gateway-logging")
        self._project(
            "PullRequests",
            names.BRANCHES,
            source=self._source(webhook=True),
            build_spec=codebuild.BuildSpec.from_source_filename("buildspec.yml"),
        )
        self._every_night(
            self._project(
                "Janitor",
                names.BRANCHES_JANITOR,
                source=self._source(webhook=False),
                build_spec=codebuild.BuildSpec.from_object(
                    {
                        "version": "0.2",
                        "phases": {
                            "install": {
                                "runtime-versions": {"python": toolchain.PYTHON, "nodejs": toolchain.NODE},
                                "commands": ["make setup"],
                            },
                            "build": {"commands": [".venv/bin/python -m branches janitor"]},
                        },
                    }
                ),
            )
        )

    def _every_night(self, project: codebuild.Project) -> None:
        role = role_with(
            self,
            "StartJanitor",
            name=f"{names.BRANCHES}-start-janitor",
            trusts=iam.ServicePrincipal("events.amazonaws.com"),
            grants=[
                Grant(
                    actions=["codebuild:StartBuild"],
                    resources=[
                        f"arn:aws:codebuild:{self.region}:{self.account}:project/{names.BRANCHES_JANITOR}",
                    ],
                )
            ],
        )
        events.Rule(
            self,
            "Nightly",
            rule_name=names.BRANCHES_JANITOR,
            description="Remove environments that nobody needs any more",
            schedule=events.Schedule.cron(hour="3", minute="17"),
            targets=[targets.CodeBuildProject(project, event_role=role.without_policy_updates())],
        )

    def _source(self, *, webhook: bool) -> codebuild.ISource:
        source, group = self._settings.source, codebuild.FilterGroup
        base = f"^refs/heads/{re.escape(source.branch)}$"
        filters = [group.in_event_of(*actions).and_base_ref_is(base) for actions in (_OPENED_OR_UPDATED, _ENDED)]
        return codebuild.Source.git_hub(
            owner=source.owner,
            repo=source.repository,
            clone_depth=1,
            report_build_status=webhook,
            webhook=webhook,
            webhook_filters=filters if webhook else None,
            # A webhook says what it is about; the other one runs what has been merged.
            branch_or_ref=None if webhook else source.branch,
        )

    def _project(
        self, construct_id: str, name: str, *, source: codebuild.ISource, build_spec: codebuild.BuildSpec
    ) -> codebuild.Project:
        project = codebuild.Project(
            self,
            construct_id,
            project_name=name,
            source=source,
            build_spec=build_spec,
            role=self._role.without_policy_updates(),
            encryption_key=kms.Key.from_key_arn(self, f"{construct_id}Key", self._key.key_arn),
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0,
                compute_type=codebuild.ComputeType.MEDIUM,
            ),
            environment_variables={
                "REPOSITORY": codebuild.BuildEnvironmentVariable(value=self._settings.source.full_name),
                "GITHUB_TOKEN": codebuild.BuildEnvironmentVariable(
                    type=codebuild.BuildEnvironmentVariableType.SECRETS_MANAGER,
                    value=branch_grants.GITHUB_TOKEN_SECRET,
                ),
            },
            cache=codebuild.Cache.local(codebuild.LocalCacheMode.CUSTOM),
            logging=codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=self._logs)),
            # No limit of the project's own: what is over it is dropped, what is over the account's waits.
            timeout=Duration.minutes(_BUILD_MINUTES),
            queued_timeout=Duration.hours(8),
        )
        resource = cast(codebuild.CfnProject, project.node.default_child)
        acknowledge(
            resource,
            pci="CodeBuildProjectSourceRepoUrl",
            reason="Source.Auth below names a CodeConnections connection, which the rule does not know: no password.",
        )
        # The library has no property for either of these.
        resource.add_property_override(
            "Source.Auth", {"Type": "CODECONNECTIONS", "Resource": self._settings.branches_connection_arn}
        )
        if resource.triggers is not None:
            resource.add_property_override(
                "Triggers.PullRequestBuildPolicy",
                {"RequiresCommentApproval": "FORK_PULL_REQUESTS", "ApproverRoles": list(_MAINTAINERS)},
            )
        return project

    def _of_bootstrap(self, construct_id: str, purpose: str) -> iam.IRole:
        name = bootstrap.role_name(purpose, account=self.account, region=self.region)
        return iam.Role.from_role_name(self, construct_id, name)

    def _deploy_parameters(self, account: str) -> None:
        """CloudFormation resolves parameters of the SSM types with the rights of who creates the change set."""
        policy(
            self,
            "DeployParameters",
            name=f"{names.BRANCHES}-deploy-parameters",
            roles=[self._deploy_role],
            grants=[
                Grant(
                    actions=["ssm:GetParameter", "ssm:GetParameters"],
                    resources=[f"arn:aws:ssm:{self._settings.region}:{account}:parameter/payment/*"],
                    wildcard_reason="All environments of this account are branches', and no secret is among these.",
                )
            ],
        )
