"""One role per kind of work in the pipeline, each with a policy written out here.

CDK Pipelines would create these roles itself and grant `s3:GetObject*`, `kms:ReEncrypt*` and more to each of
them. `customize_roles` makes it take ours instead; a role that it wants and that has no substitute is an error
at synthesis.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from pipeline import bootstrap
from pipeline.artifacts import ArtifactStore
from pipeline.permissions import Grant, role_arn, role_with
from pipeline.settings import PipelineSettings
from release import names
from stages.environments import Environment

ORCHESTRATION: Final = f"{names.PIPELINE}-orchestration"
SOURCE: Final = f"{names.PIPELINE}-source"
START_BUILDS: Final = f"{names.PIPELINE}-start-builds"
ASK_APPROVAL: Final = f"{names.PIPELINE}-ask-approval"
SYNTH: Final = f"{names.PIPELINE}-synth"
SELF_MUTATION: Final = f"{names.PIPELINE}-self-mutation"
ASSETS: Final = f"{names.PIPELINE}-assets"
START_HEALING: Final = f"{names.PIPELINE}-start-healing"

_READ: Final = ("s3:GetObject", "s3:GetObjectVersion")
_READ_AND_WRITE: Final = (*_READ, "s3:PutObject")


def _assume(role_arns: Iterable[str]) -> Grant:
    return Grant(actions=["sts:AssumeRole"], resources=sorted(role_arns))


class PipelineRoles(Construct):
    """The roles by attribute; `projects` are the names of all CodeBuild projects that the pipeline starts, `healing` of
    those that start when an execution ends half-way."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: PipelineSettings,
        artifacts: ArtifactStore,
        approvals: sns.ITopic,
        environments: Sequence[Environment],
        projects: Iterable[str],
        healing: Iterable[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._artifacts = artifacts
        self._environments = environments
        self.orchestration = self._role(
            ORCHESTRATION,
            trusts=iam.ServicePrincipal("codepipeline.amazonaws.com"),
            grants=[
                *self._artifact_objects(*_READ_AND_WRITE),
                _assume(self._own_arn(role) for role in (SOURCE, START_BUILDS, ASK_APPROVAL)),
                _assume(self._bootstrap_arns("deploy")),
            ],
        )
        self._action_role(
            SOURCE,
            # CodeConnections hands its output over with an access-control header.
            *self._artifact_objects(*_READ_AND_WRITE, "s3:PutObjectAcl"),
            _connection(settings.source.connection_arn),
        )
        self._action_role(
            START_BUILDS,
            Grant(
                actions=["codebuild:StartBuild", "codebuild:BatchGetBuilds", "codebuild:StopBuild"],
                resources=self._project_arns(projects),
            ),
        )
        self._action_role(
            ASK_APPROVAL,
            Grant(actions=["sns:Publish"], resources=[approvals.topic_arn]),
            self._key("kms:GenerateDataKey", "kms:Decrypt"),
        )
        self.synth = self._build_role(
            SYNTH, *self._artifact_objects(*_READ_AND_WRITE), *self._cache_objects(*_READ_AND_WRITE)
        )
        self._build_role(
            SELF_MUTATION,
            *self._artifact_objects(*_READ),
            _assume(
                bootstrap.role_arn(purpose, account=settings.account, region=settings.region)
                for purpose in ("deploy", "file-publishing")
            ),
        )
        self._build_role(ASSETS, *self._artifact_objects(*_READ), _assume(self._bootstrap_arns("file-publishing")))
        releases = [role_arn(e.account, names.release_role(e.suffix)) for e in environments]
        # A shift asks who approved, as itself: the environment's account knows nothing of the pipeline.
        reads = ["codepipeline:ListActionExecutions", "codepipeline:GetPipelineState"]
        history = Grant(actions=reads, resources=[settings.arn])
        self.release = self._step_role(names.PIPELINE_RELEASE_ROLE, releases, history)
        self.heal = self._build_role(
            names.PIPELINE_HEAL_ROLE,
            *self._cache_objects(*_READ),
            _connection(settings.source.connection_arn, "GetConnection", "GetConnectionToken"),
            _assume(releases),
        )
        self.start_healing = self._role(
            START_HEALING,
            trusts=iam.ServicePrincipal("events.amazonaws.com"),
            grants=[Grant(actions=["codebuild:StartBuild"], resources=self._project_arns(healing))],
        )
        self.test = self._step_role(
            names.PIPELINE_TEST_ROLE,
            [role_arn(e.account, names.integration_test_role(e.suffix)) for e in environments],
        )

    def substitute(self, scope: Construct, *, paths: Mapping[str, str]) -> None:
        """Let `scope` use our roles and create none: `paths` maps where it would create one to the name of ours.

        Must be called before `scope` has children.
        """
        iam.Role.customize_roles(scope, use_precreated_roles=dict(paths))

    def _own_arn(self, role: str) -> str:
        return role_arn(self._settings.account, role)

    def _bootstrap_arns(self, purpose: str) -> list[str]:
        return [bootstrap.role_arn(purpose, account=e.account, region=e.region) for e in self._environments]

    def _project_arns(self, projects: Iterable[str]) -> list[str]:
        where = f"{self._settings.region}:{self._settings.account}"
        return [f"arn:aws:codebuild:{where}:project/{name}" for name in sorted(projects)]

    def _artifact_objects(self, *actions: str) -> list[Grant]:
        return self._objects(
            self._settings.name, actions, "CodePipeline ends the key of each artifact with a random part."
        )

    def _cache_objects(self, *actions: str) -> list[Grant]:
        return self._objects("cache", actions, "CodeBuild names a cached archive by the hash of the lock files.")

    def _objects(self, prefix: str, actions: Sequence[str], reason: str) -> list[Grant]:
        bucket = f"arn:aws:s3:::{self._artifacts.bucket_name}"
        key_actions = ["kms:Decrypt", "kms:GenerateDataKey"] if "s3:PutObject" in actions else ["kms:Decrypt"]
        return [
            Grant(actions=actions, resources=[f"{bucket}/{prefix}/*"], wildcard_reason=reason),
            Grant(actions=["s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"], resources=[bucket]),
            self._key(*key_actions),
        ]

    def _key(self, *actions: str) -> Grant:
        return Grant(actions=actions, resources=[self._artifacts.key.key_arn])

    def _action_role(self, name: str, *grants: Grant) -> iam.Role:
        return self._role(name, trusts=iam.ArnPrincipal(self.orchestration.role_arn), grants=grants)

    def _build_role(self, name: str, *grants: Grant) -> iam.Role:
        log_group = (
            f"arn:aws:logs:{self._settings.region}:{self._settings.account}:log-group:{self._artifacts.log_group_name}"
        )
        logs = Grant(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[f"{log_group}:*"],
            wildcard_reason="CodeBuild names a log stream by the id of the build.",
        )
        return self._role(name, trusts=iam.ServicePrincipal("codebuild.amazonaws.com"), grants=[logs, *grants])

    def _step_role(self, name: str, assumable: Iterable[str], *also: Grant) -> iam.Role:
        own = [*self._artifact_objects(*_READ), *self._cache_objects(*_READ)]
        return self._build_role(name, *own, _assume(assumable), *also)

    def _role(self, name: str, *, trusts: iam.IPrincipal, grants: Sequence[Grant]) -> iam.Role:
        construct_id = "".join(word.capitalize() for word in name.removeprefix(f"{names.PIPELINE}-").split("-"))
        return role_with(self, construct_id, name=name, trusts=trusts, grants=grants)


def _connection(arn: str, *also: str) -> Grant:
    # IAM checks the service's former name as well.
    return Grant(
        actions=[
            f"{service}:{action}"
            for action in ("UseConnection", *also)
            for service in ("codeconnections", "codestar-connections")
        ],
        resources=[arn, arn.replace(":codeconnections:", ":codestar-connections:")],
    )
