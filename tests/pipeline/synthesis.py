"""Synthesizes the App as the CDK CLI would, and reads what came out."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import aws_cdk as cdk

import app as application

ROOT = Path(__file__).resolve().parents[2]
CDK_JSON = json.loads((ROOT / "cdk.json").read_text())

Template = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    logical_id: str
    type: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Assembly:
    """A synthesized App, its nested assemblies included."""

    directory: Path
    app: cdk.App

    @cached_property
    def templates(self) -> Mapping[str, Template]:
        """By stack name."""
        return {
            name: json.loads((folder / artifact["properties"]["templateFile"]).read_text())
            for folder, name, artifact in self._stacks()
        }

    @cached_property
    def accounts(self) -> Mapping[str, str]:
        """By stack name."""
        return {
            name: artifact["environment"].removeprefix("aws://").split("/")[0] for _, name, artifact in self._stacks()
        }

    def resources(self, stack: str, type_: str) -> list[Resource]:
        return [each for each in resources_of(self.templates[stack]) if each.type == type_]

    def _stacks(self) -> Iterator[tuple[Path, str, Mapping[str, Any]]]:
        for manifest in self.directory.rglob("manifest.json"):
            for key, artifact in json.loads(manifest.read_text())["artifacts"].items():
                if artifact["type"] == "aws:cloudformation:stack":
                    # The name is only written where it is not the artifact's key.
                    yield manifest.parent, artifact["properties"].get("stackName", key), artifact


def resources_of(template: Template) -> list[Resource]:
    return [
        Resource(logical_id, body["Type"], body.get("Properties", {}))
        for logical_id, body in template["Resources"].items()
    ]


def synthesize(
    directory: Path, *, suffix: str | None = None, before: Callable[[cdk.App], None] | None = None
) -> Assembly:
    """The whole App with cdk.json's context. Raises `RuntimeError` with the report when a rule is violated."""
    context = {**CDK_JSON["context"], **({application.SUFFIX_CONTEXT: suffix} if suffix is not None else {})}
    app = cdk.App(outdir=str(directory), context=context)
    application.build(app)
    if before:
        before(app)
    app.synth()
    return Assembly(directory=directory, app=app)
