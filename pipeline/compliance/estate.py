"""Synthesized templates as rules look at them: all resources of one account together."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

STACK_ARTIFACT: Final = "aws:cloudformation:stack"
CLASSIFICATION: Final = "DataClassification"
# A rehearsal is built like what it rehearses, and proves it.
CARDHOLDER_DATA: Final = frozenset({"cardholder-data", "cardholder-data-rehearsal"})


@dataclass(frozen=True)
class Resource:
    """One resource of a template. Its properties still hold intrinsic functions."""

    estate: "Estate" = field(repr=False, compare=False)
    stack: str
    template: Path
    logical_id: str
    definition: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def type(self) -> str:
        return str(self.definition.get("Type"))

    @property
    def properties(self) -> Mapping[str, Any]:
        properties = self.definition.get("Properties")
        return properties if isinstance(properties, Mapping) else {}

    def at(self, path: str) -> Any:
        """The property at a dotted path; None where there is none."""
        value: Any = self.properties
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def statements(self) -> Iterator[Mapping[str, Any]]:
        """Every policy statement, wherever the type keeps them."""
        kept = [self.at(key) for key in ("PolicyDocument", "KeyPolicy", "Policy", "AssumeRolePolicyDocument")]
        kept += [policy.get("PolicyDocument") for policy in as_list(self.at("Policies"))]
        for document in kept:
            if isinstance(document, Mapping):
                yield from as_list(document.get("Statement"))

    def tags(self) -> dict[str, str]:
        tags = self.at("Tags")
        if isinstance(tags, Mapping):
            return {str(key): str(value) for key, value in tags.items()}
        return {str(tag.get("Key")): str(tag.get("Value")) for tag in as_list(tags) if isinstance(tag, Mapping)}

    def is_named_by(self, other: "Resource", path: str) -> bool:
        """Whether `other` refers to this resource there: within their stack, or through an export of this one's."""
        # CDK names an export after what it exports: ExportsOutputRef<id><hash>, ExportsOutputFnGetAtt<id><attribute>….
        exports = tuple(f"{self.stack}:ExportsOutput{kind}{self.logical_id}" for kind in ("Ref", "FnGetAtt"))
        for name, imported in references(other.at(path)):
            if name.startswith(exports) if imported else (name, other.stack) == (self.logical_id, self.stack):
                return True
        return False


@dataclass
class Estate:
    """What one account holds according to the templates."""

    account: str
    resources: list[Resource] = field(default_factory=list)

    def of(self, *types: str) -> list[Resource]:
        return [resource for type_ in types for resource in self._by_type.get(type_, ())]

    @cached_property
    def _by_type(self) -> Mapping[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.type, []).append(resource)
        return found

    @cached_property
    def holds_cardholder_data(self) -> bool:
        """Whether real cards are processed here, or all is as if they were: what its resources are tagged with."""
        return any(resource.tags().get(CLASSIFICATION) in CARDHOLDER_DATA for resource in self.resources)


def read_estates(templates: Iterable[Path]) -> list[Estate]:
    """The estates of synthesized templates, which lie beside the manifest that says which account they are for."""
    accounts: dict[Path, tuple[str, str]] = {}
    estates: dict[str, Estate] = {}
    for template in templates:
        if template not in accounts:
            accounts |= _stacks(template.parent)
        stack, account = accounts[template]
        estate = estates.setdefault(account, Estate(account=account))
        content = json.loads(template.read_text(encoding="utf-8"))
        for logical_id, definition in content.get("Resources", {}).items():
            estate.resources.append(Resource(estate, stack, template, logical_id, definition))
    return list(estates.values())


def _stacks(directory: Path) -> dict[Path, tuple[str, str]]:
    """Stack name and account by template."""
    found = {}
    for name, artifact in json.loads((directory / "manifest.json").read_text(encoding="utf-8"))["artifacts"].items():
        if artifact["type"] == STACK_ARTIFACT:
            properties = artifact["properties"]
            account = artifact["environment"].removeprefix("aws://").split("/")[0]
            found[directory / properties["templateFile"]] = (properties.get("stackName", name), account)
    return found


def as_list(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


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


def references(value: object) -> Iterator[tuple[str, bool]]:
    """What a value refers to, each with whether another stack exports it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Fn::ImportValue":
                yield str(item), True
            elif key in {"Ref", "Fn::GetAtt"}:
                yield str(as_list(item)[0]), False
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)
