"""The pipeline: source, synth, self-mutation, assets, then one environment after the other."""

from collections.abc import Sequence
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import pipelines
from constructs import Construct

from pipeline import bootstrap, builds, roles, steps, toolchain
from pipeline.artifacts import ArtifactStore
from pipeline.healing import Healing, heal_project
from pipeline.roles import PipelineRoles
from pipeline.settings import PipelineSettings
from release import names
from stages.constructs.nag import acknowledge
from stages.constructs.topic import PaymentTopic
from stages.environments import Environment
from stages.payment_stage import PaymentStage

_SOURCE_ACTION: Final = "Push"
_NO_REPOSITORY_URL: Final = "The source is the pipeline's artifact: the project has no repository address at all."


class PipelineStack(cdk.Stack):
    """Deploys every environment of `environments` in order, on each push to the branch of the settings."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: PipelineSettings, environments: Sequence[Environment]
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=settings.name,
            env=cdk.Environment(account=settings.account, region=settings.region),
            description="Payment system: the pipeline",
            tags=dict(settings.tags),
        )
        self._settings = settings
        self._artifacts = ArtifactStore(
            self,
            "Store",
            settings=settings,
            readers=[bootstrap.role_arn("deploy", account=e.account, region=e.region) for e in environments],
        )
        for key, value in settings.tags.items():
            cdk.Tags.of(self).add(key, value)
        self._approvals = PaymentTopic(
            self,
            "Approvals",
            name=settings.resource("approvals"),
            display_name="Payment releases to approve",
            key=self._artifacts.key,
        )
        self._roles = PipelineRoles(
            self,
            "Roles",
            settings=settings,
            artifacts=self._artifacts,
            approvals=self._approvals,
            environments=environments,
            projects=_projects(settings, environments),
            healing=[heal_project(settings, e) for e in environments],
        )
        Healing(
            self,
            "Healing",
            settings=settings,
            environments=environments,
            artifacts=self._artifacts,
            role=self._roles.heal,
            starter=self._roles.start_healing,
        )
        self._source = pipelines.CodePipelineSource.connection(
            settings.source.full_name,
            settings.source.branch,
            connection_arn=settings.source.connection_arn,
            action_name=_SOURCE_ACTION,
            # The trigger below says which pushes start the pipeline.
            trigger_on_push=False,
        )
        self._synth = steps.synth(
            settings=settings, source=self._source, artifacts=self._artifacts, role=self._roles.synth
        )
        delivery = self._delivery(environments)
        for environment in environments:
            self._deploy(delivery, environment)
        delivery.build_pipeline()
        self._finish(delivery)

    def _delivery(self, environments: Sequence[Environment]) -> pipelines.CodePipeline:
        scope = Construct(self, "Delivery")
        scope.node.add_dependency(self._roles, self._artifacts)
        self._roles.substitute(scope, paths=_substituted_roles(environments))
        return pipelines.CodePipeline(
            scope,
            "Pipeline",
            pipeline_name=self._settings.name,
            pipeline_type=codepipeline.PipelineType.V2,
            execution_mode=codepipeline.ExecutionMode.SUPERSEDED,
            role=self._roles.orchestration.without_policy_updates(),
            artifact_bucket=self._artifacts.bucket,
            cross_account_keys=True,
            enable_key_rotation=True,
            self_mutation=True,
            use_change_sets=True,
            publish_assets_in_parallel=False,
            cli_version=toolchain.npm_version("aws-cdk"),
            cdk_assets_cli_version=toolchain.npm_version("cdk-assets"),
            code_build_defaults=builds.defaults(settings=self._settings, artifacts=self._artifacts),
            synth=self._synth,
        )

    def _deploy(self, delivery: pipelines.CodePipeline, environment: Environment) -> None:
        stage = PaymentStage(self, names.pipeline_stage(environment.suffix), environment=environment)
        around = steps.EnvironmentSteps(
            settings=self._settings,
            environment=environment,
            source=self._source,
            assembly=self._synth,
            artifacts=self._artifacts,
            release_role=self._roles.release,
            test_role=self._roles.test,
            approvals=self._approvals,
        )
        delivery.add_stage(stage, pre=around.before_deployment(), post=around.after_deployment())

    def _finish(self, delivery: pipelines.CodePipeline) -> None:
        """What CDK Pipelines has no property for."""
        delivery.pipeline.add_trigger(
            provider_type=codepipeline.ProviderType.CODE_STAR_SOURCE_CONNECTION,
            git_configuration=codepipeline.GitConfiguration(
                source_action=delivery.pipeline.stages[0].actions[0],
                push_filter=[codepipeline.GitPushFilter(branches_includes=[self._settings.source.branch])],
            ),
        )
        for construct in delivery.node.find_all():
            if isinstance(construct, codebuild.CfnProject):
                if cdk.Token.is_unresolved(construct.name):
                    construct.name = _assets_project(self._settings)
                acknowledge(construct, pci="CodeBuildProjectSourceRepoUrl", reason=_NO_REPOSITORY_URL)


def _assets_project(settings: PipelineSettings) -> str:
    return settings.resource("assets")


def _projects(settings: PipelineSettings, environments: Sequence[Environment]) -> set[str]:
    """Every CodeBuild project of the pipeline; `selfupdate` is CDK's own name."""
    around = {steps.step_project(settings, e, step) for e in environments for step in steps.CODEBUILD_STEPS}
    return {steps.synth_project(settings), settings.resource("selfupdate"), _assets_project(settings), *around}


def _substituted_roles(environments: Sequence[Environment]) -> dict[str, str]:
    """Where CDK Pipelines would create a role, and which of ours stands there."""
    approvals = {
        f"Pipeline/Pipeline/{names.pipeline_stage(e.suffix)}/Approve/CodePipelineActionRole": roles.ASK_APPROVAL
        for e in environments
        if e.release.approval_required
    }
    return {
        f"Pipeline/Pipeline/Source/{_SOURCE_ACTION}/CodePipelineActionRole": roles.SOURCE,
        "Pipeline/CodeBuildActionRole": roles.START_BUILDS,
        "Pipeline/UpdatePipeline/SelfMutation/Role": roles.SELF_MUTATION,
        "Pipeline/Assets/FileRole": roles.ASSETS,
        **approvals,
    }
