"""What the emulator knows of the application: the synthesized cloud assembly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

PIPELINE_STACK = "payment-pipeline"
BRANCHES_STACK = "payment-branches"
ACCESS_PREFIX, ACCESS_SUFFIX = "payment-", "-access"


class AssemblyError(Exception):
    """The folder is no cloud assembly of this application."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One environment that the pipeline deploys to."""

    suffix: str
    account: str
    region: str


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """The accounts and environments of a synthesized application."""

    directory: Path
    tooling_account: str
    region: str
    targets: tuple[Target, ...]
    branches_account: str = ""
    """Where branches have their environments; empty when the application has no such account."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account once, the tooling account first."""
        return tuple(dict.fromkeys((self.tooling_account, *(t.account for t in self.targets))))

    def target(self, suffix: str) -> Target:
        for target in self.targets:
            if target.suffix == suffix:
                return target
        raise AssemblyError(
            f"no environment '{suffix}' in {self.directory}; there are: {[t.suffix for t in self.targets]}"
        )


def read_assembly(directory: Path) -> Assembly:
    """Read a cloud assembly's manifest. Environments are those that have an access stack, in the pipeline's order.

    Raises AssemblyError when the folder holds no such assembly.
    """
    try:
        manifest = json.loads((directory / "manifest.json").read_text())
    except FileNotFoundError as error:
        raise AssemblyError(f"{directory} holds no synthesized application: run 'make synth'") from error
    tooling: tuple[str, str] | None = None
    branches_account = ""
    targets: list[Target] = []
    for artifact in manifest["artifacts"].values():
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        name = artifact["properties"].get("stackName", artifact.get("displayName", ""))
        account, region = artifact["environment"].removeprefix("aws://").split("/")
        if name == PIPELINE_STACK:
            tooling = (account, region)
        elif name == BRANCHES_STACK:
            branches_account = account
        elif name.startswith(ACCESS_PREFIX) and name.endswith(ACCESS_SUFFIX):
            suffix = name.removeprefix(ACCESS_PREFIX).removesuffix(ACCESS_SUFFIX)
            targets.append(Target(suffix=suffix, account=account, region=region))
    if tooling is None:
        raise AssemblyError(f"{directory} holds no stack '{PIPELINE_STACK}'")
    return Assembly(
        directory=directory,
        tooling_account=tooling[0],
        region=tooling[1],
        targets=tuple(targets),
        branches_account=branches_account,
    )
