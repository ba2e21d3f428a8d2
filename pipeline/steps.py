"""The steps around a deployment: each is one command of the release controller or one test run."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import pipelines

from pipeline import builds
from pipeline.artifacts import ArtifactStore
from pipeline.settings import PipelineSettings
from release import names
from stages.environments import Environment

PYTHON: Final = ".venv/bin/python"
SETUP: Final = "make setup"
JUNIT_REPORT: Final = "reports/integration.xml"
# The tests write their summary next to the outputs that they tested.
TEST_REPORT: Final = "cfn-outputs/integration-summary.txt"
RELEASE_REPORT: Final = "reports/release.json"
CODEBUILD_STEPS: Final = ("Freeze", "Migrate", "IntegrationTests", "Shift", "Verify")


def synth_project(settings: PipelineSettings) -> str:
    return settings.resource("synth")


def step_project(settings: PipelineSettings, environment: Environment, step: str) -> str:
    return settings.resource(f"{environment.suffix}-{step.lower()}")


def synth(
    *, settings: PipelineSettings, source: pipelines.CodePipelineSource, artifacts: ArtifactStore, role: iam.Role
) -> pipelines.CodeBuildStep:
    """Check the commit and synthesize it; the cloud assembly is what all later actions deploy."""
    return pipelines.CodeBuildStep(
        "Synth",
        input=source,
        project_name=synth_project(settings),
        install_commands=[SETUP],
        commands=["make lint", "make functions", "make synth"],
        build_environment=codebuild.BuildEnvironment(compute_type=codebuild.ComputeType.MEDIUM),
        primary_output_directory="cdk.out",
        role=role.without_policy_updates(),
        cache=builds.checkout_cache(artifacts),
        partial_build_spec=builds.checkout_build_spec(),
    )


@dataclass(frozen=True, kw_only=True)
class EnvironmentSteps:
    """Builds the steps of one environment. Each runs in the tooling account, from the source of the execution."""

    settings: PipelineSettings
    environment: Environment
    source: pipelines.CodePipelineSource
    assembly: pipelines.IFileSetProducer
    artifacts: ArtifactStore
    release_role: iam.Role
    test_role: iam.Role
    approvals: sns.ITopic

    def before_deployment(self) -> list[pipelines.Step]:
        """See that no data would be lost, then record what is live, before CloudFormation reads the record."""
        target = names.release_role(self.environment.suffix)
        return [
            self._build(
                "Freeze",
                role=self.release_role,
                commands=[
                    self._controller("guard", role=target),
                    self._controller("freeze", "--commit", '"$SOURCE_COMMIT"', "--ok-if-nothing", role=target),
                ],
                additional_inputs={"cdk.out": self.assembly},
            )
        ]

    def after_deployment(self) -> list[pipelines.Step]:
        """The way of the idle colour to live traffic, strictly one step after the other."""
        tests = self._integration_tests()
        steps: list[pipelines.Step] = [self._release("Migrate", "migrate"), tests]
        if self.environment.release.approval_required:
            steps.append(self._approval(tests))
        steps += [self._shift(), self._verify()]
        return list(pipelines.Step.sequence(steps))

    def _shift(self) -> pipelines.CodeBuildStep:
        """The ledger names the person who approved in this execution; where nobody is asked, the execution."""
        asked = self.environment.release.approval_required
        approver = ("--approved-in", '"$PIPELINE_EXECUTION_ID"')
        nobody = ("--approved-by", '"execution $PIPELINE_EXECUTION_ID"')
        return self._release(
            "Shift",
            "shift",
            "--commit",
            '"$SOURCE_COMMIT"',
            *(approver if asked else nobody),
            env={"PIPELINE_EXECUTION_ID": "#{codepipeline.PipelineExecutionId}"},
        )

    def _verify(self) -> pipelines.CodeBuildStep:
        """Then the old colour cools: until then no push deploys to it, so that a rollback finds it warm."""
        target = names.release_role(self.environment.suffix)
        commands = [self._controller(command, "--ok-if-nothing", role=target) for command in ("verify", "cool")]
        return self._build("Verify", role=self.release_role, commands=commands)

    def _release(self, step: str, *command: str, env: dict[str, str] | None = None) -> pipelines.CodeBuildStep:
        """A command of the controller; one that finds nothing to do has succeeded."""
        target = names.release_role(self.environment.suffix)
        return self._build(
            step,
            role=self.release_role,
            commands=[self._controller(*command, "--ok-if-nothing", role=target)],
            env=env,
        )

    def _integration_tests(self) -> pipelines.CodeBuildStep:
        role = names.integration_test_role(self.environment.suffix)
        return self._build(
            "IntegrationTests",
            role=self.test_role,
            env={"INTEGRATION_TEST_ROLE_ARN": self._target_role(role)},
            commands=[
                self._controller("outputs", role=role),
                f"{PYTHON} -m pytest integ_tests --junitxml={JUNIT_REPORT}",
                f"{self._controller('status', '--json', role=role)} > {RELEASE_REPORT}",
                # Assigned first and exported last: an export would hide that a command failed.
                f'RELEASE_SUMMARY="$({PYTHON} -m pipeline.summary release {RELEASE_REPORT})"',
                f'TEST_SUMMARY="$({PYTHON} -m pipeline.summary tests {TEST_REPORT})"',
                "export SOURCE_COMMIT RELEASE_SUMMARY TEST_SUMMARY",
            ],
        )

    def _approval(self, tests: pipelines.CodeBuildStep) -> pipelines.ManualApprovalStep:
        commit, release, summary = (
            tests.exported_variable(name) for name in ("SOURCE_COMMIT", "RELEASE_SUMMARY", "TEST_SUMMARY")
        )
        return pipelines.ManualApprovalStep(
            "Approve",
            notification_topic=self.approvals,
            comment=(
                f"Shift the live traffic of {self.environment.suffix} to commit {commit}? {release}. "
                f"{summary}. "
                "Schema, IAM and network changes of this commit are already in effect."
            ),
        )

    def _build(
        self,
        step: str,
        *,
        role: iam.Role,
        commands: list[str],
        env: dict[str, str] | None = None,
        additional_inputs: dict[str, pipelines.IFileSetProducer] | None = None,
    ) -> pipelines.CodeBuildStep:
        return pipelines.CodeBuildStep(
            step,
            input=self.source,
            project_name=step_project(self.settings, self.environment, step),
            additional_inputs=additional_inputs,
            install_commands=[SETUP],
            commands=commands,
            env={"SOURCE_COMMIT": self.source.source_attribute("CommitId"), **(env or {})},
            role=role.without_policy_updates(),
            cache=builds.checkout_cache(self.artifacts),
            partial_build_spec=builds.checkout_build_spec(),
        )

    def _controller(self, command: str, *options: str, role: str) -> str:
        suffix = self.environment.suffix
        return " ".join(
            [f"{PYTHON} -m release {command} --suffix {suffix} --role-arn {self._target_role(role)}", *options]
        )

    def _target_role(self, name: str) -> str:
        return f"arn:aws:iam::{self.environment.account}:role/{name}"
