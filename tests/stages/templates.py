"""All templates of all environments, synthesized once, and how tests look at them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from pipeline.compliance import enforce
from stages.environments import PIPELINE_ENVIRONMENTS, Environment, pull_request_environment
from stages.payment_stage import PaymentStage

ROOT = Path(__file__).parents[2]
LONGEST_SUFFIX = "pr-123456789"
ENVIRONMENTS = (*PIPELINE_ENVIRONMENTS, pull_request_environment(LONGEST_SUFFIX))


@dataclass(frozen=True)
class Resource:
    """One resource of one template. `properties` still hold intrinsic functions."""

    environment: Environment
    layer: str
    logical_id: str
    definition: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.definition["Type"])

    @property
    def properties(self) -> dict[str, Any]:
        return dict(self.definition.get("Properties", {}))

    def __str__(self) -> str:
        return f"{self.environment.suffix}/{self.layer}/{self.logical_id}"


@dataclass(frozen=True)
class Synthesis:
    """The templates by environment suffix and layer, and what the rule packs reported."""

    templates: Mapping[str, Mapping[str, Mapping[str, Any]]]
    report: Mapping[str, Any]
    acknowledgments: frozenset[tuple[str, str]]

    def template(self, suffix: str, layer: str) -> Mapping[str, Any]:
        return self.templates[suffix][layer]

    def resources(self, *types: str) -> Iterator[Resource]:
        """Every resource of the given types, or of all types, in all environments."""
        for environment in ENVIRONMENTS:
            for layer, template in self.templates[environment.suffix].items():
                for logical_id, definition in template["Resources"].items():
                    if not types or definition["Type"] in types:
                        yield Resource(environment, layer, logical_id, definition)

    def outputs(self, suffix: str) -> dict[str, Mapping[str, Any]]:
        return {
            key: value
            for template in self.templates[suffix].values()
            for key, value in template.get("Outputs", {}).items()
            if not key.startswith("ExportsOutput")
        }


def new_app(outdir: Path | None = None) -> cdk.App:
    """An App with the project's own context; assets stay where they are."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    return cdk.App(
        context={**context, "aws:cdk:disable-asset-staging": True},
        analytics_reporting=False,
        outdir=str(outdir) if outdir else None,
    )


def layer_templates(assembly: cdk.cx_api.CloudAssembly, stage: PaymentStage) -> dict[str, dict[str, Any]]:
    """The templates of a synthesized stage by layer."""
    nested = assembly.get_nested_assembly(stage.artifact_id)
    return {stack.stack_name.rsplit("-", 1)[1]: dict(stack.template) for stack in nested.stacks}


@cache
def synthesize_all() -> Synthesis:
    """Every environment with all rule packs on. Raises when a rule is violated."""
    app = new_app()
    enforce(app)
    stages = [
        PaymentStage(app, environment.suffix.capitalize(), environment=environment) for environment in ENVIRONMENTS
    ]
    assembly = app.synth()
    return Synthesis(
        templates={stage.environment.suffix: layer_templates(assembly, stage) for stage in stages},
        report=json.loads((Path(assembly.directory) / "validation-report.json").read_text()),
        acknowledgments=frozenset(_acknowledgments(app)),
    )


def _acknowledgments(app: cdk.App) -> Iterator[tuple[str, str]]:
    """Path of the construct and rule of everything that is acknowledged in the dev and prod environments."""
    for suffix in ("dev", "prod"):
        for construct in app.node.find_child(suffix.capitalize()).node.find_all():
            for entry in construct.node.metadata:
                if entry.type == "aws:cdk:acknowledged-rules":
                    yield from ((construct.node.path, rule) for rule in entry.data)


def texts(value: object) -> Iterator[str]:
    """Every string in a JSON value, keys not included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def mentions(value: object, pattern: str) -> bool:
    return any(re.search(pattern, text) for text in texts(value))


def statements(resource: Resource) -> Iterator[dict[str, Any]]:
    """Every policy statement of a resource, wherever its type keeps them."""
    properties = resource.properties
    documents = [properties.get(key) for key in ("PolicyDocument", "KeyPolicy", "Policy", "AssumeRolePolicyDocument")]
    documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for document in documents:
        if isinstance(document, Mapping):
            yield from document["Statement"]


def as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
