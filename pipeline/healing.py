"""What runs when an execution ends half-way: `release heal`, for every environment, by itself."""

from collections.abc import Sequence
from typing import Final, cast

from aws_cdk import Duration
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from pipeline import builds, toolchain
from pipeline.artifacts import ArtifactStore
from pipeline.permissions import role_arn
from pipeline.settings import PipelineSettings
from release import names
from stages.constructs.nag import acknowledge
from stages.environments import Environment

ENDED_HALF_WAY: Final = ("FAILED", "STOPPED", "CANCELED", "SUPERSEDED")
"""States of an execution that may leave a shift half done: a self-mutation can cancel one between two weights."""
_MINUTES: Final = 30


def heal_project(settings: PipelineSettings, environment: Environment) -> str:
    return settings.resource(f"{environment.suffix}-heal")


class Healing(Construct):
    """A build project for each environment, and the rule that starts them all.

    The event does not say which environment the execution was in. Healing a sound one finds nothing to do, and one in
    which another command is at work is healed by that one: every command begins with it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: PipelineSettings,
        environments: Sequence[Environment],
        artifacts: ArtifactStore,
        role: iam.Role,
        starter: iam.Role,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings, self._artifacts = settings, artifacts
        projects = [self._project(environment, role) for environment in environments]
        events.Rule(
            self,
            "EndedHalfWay",
            rule_name=settings.resource("heal"),
            description="An execution ended half-way: put right what its release commands left behind",
            event_pattern=events.EventPattern(
                source=["aws.codepipeline"],
                detail_type=["CodePipeline Pipeline Execution State Change"],
                detail={"pipeline": [settings.name], "state": list(ENDED_HALF_WAY)},
            ),
            targets=[
                targets.CodeBuildProject(project, event_role=starter.without_policy_updates()) for project in projects
            ],
        )

    def _project(self, environment: Environment, role: iam.Role) -> codebuild.Project:
        source, suffix = self._settings.source, environment.suffix
        target = role_arn(environment.account, names.release_role(suffix))
        controller = f".venv/bin/python -m release {{}} --suffix {suffix} --role-arn {target} --ok-if-nothing"
        project = codebuild.Project(
            self,
            suffix.capitalize(),
            project_name=heal_project(self._settings, environment),
            # The newest commit: the execution whose event this is may have ended before it had a source.
            source=codebuild.Source.git_hub(
                owner=source.owner,
                repo=source.repository,
                branch_or_ref=source.branch,
                clone_depth=1,
                report_build_status=False,
                webhook=False,
            ),
            build_spec=codebuild.BuildSpec.from_object(
                {
                    "version": "0.2",
                    "phases": {
                        "install": {
                            "runtime-versions": {"python": toolchain.PYTHON, "nodejs": toolchain.NODE},
                            "commands": ["make setup"],
                        },
                        # A shift that went back has left its colour warm.
                        "build": {"commands": [controller.format(command) for command in ("heal", "cool")]},
                    },
                    "cache": {"key": builds.CACHE_KEY, "paths": list(builds.CACHED_PATHS)},
                }
            ),
            role=role.without_policy_updates(),
            encryption_key=self._artifacts.bucket.encryption_key,
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0,
                compute_type=codebuild.ComputeType.SMALL,
            ),
            cache=builds.checkout_cache(self._artifacts),
            logging=codebuild.LoggingOptions(
                cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=self._artifacts.log_group)
            ),
            timeout=Duration.minutes(_MINUTES),
        )
        resource = cast(codebuild.CfnProject, project.node.default_child)
        acknowledge(
            resource,
            pci="CodeBuildProjectSourceRepoUrl",
            reason="Source.Auth below names a CodeConnections connection, which the rule does not know: no password.",
        )
        # The library has no property for it.
        resource.add_property_override(
            "Source.Auth", {"Type": "CODECONNECTIONS", "Resource": self._settings.source.connection_arn}
        )
        return project
