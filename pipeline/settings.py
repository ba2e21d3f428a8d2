"""Where the source is and how the pipeline is called: what an operator edits once, before the first deployment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from release import names
from stages.environments import PULL_REQUEST_ACCOUNT, REGION, TOOLING_ACCOUNT

_CONNECTION_ARN: Final = re.compile(r"arn:aws:codeconnections:[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}")


class InvalidSettings(ValueError):
    """The pipeline's settings cannot work; the message names the field."""


def _require_connection(field: str, arn: str) -> None:
    if not _CONNECTION_ARN.fullmatch(arn):
        raise InvalidSettings(f"{field} {arn!r} is not the ARN of a connection")


@dataclass(frozen=True, kw_only=True)
class Source:
    """The repository and the CodeConnections connection that reads it; a push to `branch` starts the pipeline."""

    owner: str
    repository: str
    branch: str
    connection_arn: str

    def __post_init__(self) -> None:
        _require_connection("connection_arn", self.connection_arn)
        if "/" in self.owner or "/" in self.repository:
            raise InvalidSettings("owner and repository are two fields: neither holds a slash")

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.repository}"


@dataclass(frozen=True, kw_only=True)
class PipelineSettings:
    """`build_minutes` ends one action; an idle artifact goes after `artifact_days`, logs after `log_days`.

    `branches_connection_arn` reads the same repository for the builds of branches: a connection of their own account,
    as what they check out can use it, too.
    """

    account: str
    region: str
    source: Source
    branches_connection_arn: str
    build_minutes: int
    artifact_days: int
    log_days: int
    tags: Mapping[str, str]

    def __post_init__(self) -> None:
        _require_connection("branches_connection_arn", self.branches_connection_arn)

    @property
    def name(self) -> str:
        return names.PIPELINE

    @property
    def arn(self) -> str:
        return f"arn:aws:codepipeline:{self.region}:{self.account}:{self.name}"

    def resource(self, role: str) -> str:
        """The physical name of one of the pipeline's own resources."""
        return f"{names.PIPELINE}-{role}"


SETTINGS: Final = PipelineSettings(
    account=TOOLING_ACCOUNT,
    region=REGION,
    source=Source(
        owner="example-payments",
        repository="payment-pipeline",
        branch="main",
        connection_arn=(
            f"arn:aws:codeconnections:{REGION}:{TOOLING_ACCOUNT}:connection/00000000-0000-4000-8000-000000000000"
        ),
    ),
    branches_connection_arn=(
        f"arn:aws:codeconnections:{REGION}:{PULL_REQUEST_ACCOUNT}:connection/00000000-0000-4000-8000-000000000001"
    ),
    build_minutes=60,
    artifact_days=30,
    log_days=90,
    tags={"Project": "payment", "CostCenter": "payments", "Owner": "payments-team", "Environment": "tooling"},
)
