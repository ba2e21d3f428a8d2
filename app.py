"""The App: the pipeline with all its environments, or one environment with `-c environmentSuffix=pr-12`, or that of a
branch or pull request with `-c branch=my-branch`.

Synthesizes without credentials and without a network.
"""

import sys

import aws_cdk as cdk

from pipeline.access import EnvironmentAccess
from pipeline.boundary import BOUNDARY
from pipeline.compliance import enforce
from pipeline.pull_requests import PullRequestStack
from pipeline.settings import SETTINGS
from pipeline.stack import PipelineStack
from release.names import BRANCHES_BUILD_ROLE, InvalidSuffix
from release.suffix import suffix_for
from stages.environments import PIPELINE_ENVIRONMENTS, PULL_REQUEST_ACCOUNT, Environment, environment_for
from stages.payment_stage import PaymentStage

SUFFIX_CONTEXT = "environmentSuffix"
BRANCH_CONTEXT = "branch"


def build(app: cdk.App) -> None:
    """Add to `app` what its context asks for. Raises `InvalidSuffix`."""
    enforce(app)
    suffix, branch = (app.node.try_get_context(key) for key in (SUFFIX_CONTEXT, BRANCH_CONTEXT))
    if branch is not None:
        suffix = suffix_for(str(branch))
    if suffix is None:
        PipelineStack(app, SETTINGS.name, settings=SETTINGS, environments=PIPELINE_ENVIRONMENTS)
        for environment in PIPELINE_ENVIRONMENTS:
            _access(app, environment)
        PullRequestStack(app, settings=SETTINGS, account=PULL_REQUEST_ACCOUNT)
        return
    environment = environment_for(str(suffix))
    boundary = BOUNDARY if environment.account == PULL_REQUEST_ACCOUNT else None
    PaymentStage(app, "Environment", environment=environment, boundary=boundary)
    _access(app, environment)


def _access(app: cdk.App, environment: Environment) -> None:
    builder = BRANCHES_BUILD_ROLE if environment.account == PULL_REQUEST_ACCOUNT else None
    EnvironmentAccess(app, environment=environment, tooling_account=SETTINGS.account, builder=builder)


def main() -> None:
    app = cdk.App()
    try:
        build(app)
    except InvalidSuffix as error:
        sys.exit(f"-c {SUFFIX_CONTEXT} or -c {BRANCH_CONTEXT}: {error}")
    app.synth()


if __name__ == "__main__":
    main()
