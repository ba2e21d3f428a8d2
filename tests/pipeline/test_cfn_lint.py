"""cfn-lint finds nothing in the templates but what `.cfnlintrc` gives a reason for.

A template whose resources all have the shape of some that were linted already is left out: dev and staging differ from
prod in values mostly, and values are looked at by the library's own validation of all templates, in `make synth`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from stages.environments import PROD
from tests.pipeline.synthesis import ROOT, Assembly

REASONED = 3
"""More rules than this are not ignored."""


def settings() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load((ROOT / ".cfnlintrc").read_text())
    return found


def findings(template: Path) -> list[str]:
    config = ManualArgs(regions=settings()["regions"], ignore_checks=settings()["ignore_checks"])
    return [f"{template.name}: {match}" for match in lint_file(template, config=config)]


def shape(value: Any) -> Any:
    """A value without its values: names of properties, and kinds of what they hold."""
    if isinstance(value, Mapping):
        return tuple(sorted((key, shape(item)) for key, item in value.items() if key != "PermissionsBoundary"))
    if isinstance(value, list):
        return ("list", *sorted({repr(shape(item)) for item in value}))
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def worth_linting(templates: list[Path]) -> Iterator[Path]:
    """Those with a resource of a shape that none before had."""
    seen: set[Any] = set()
    for template in templates:
        resources = json.loads(template.read_text())["Resources"].values()
        shapes = {(resource["Type"], shape(resource.get("Properties", {}))) for resource in resources}
        if shapes - seen:
            yield template
        seen |= shapes


def test_no_template_has_a_finding(assembly: Assembly, pull_request: Assembly) -> None:
    of_prod = f"-{PROD.suffix.capitalize()}"
    templates = sorted(
        (path for each in (assembly, pull_request) for path in each.directory.rglob("*.template.json")),
        key=lambda path: (of_prod not in str(path), str(path)),
    )
    linted = list(worth_linting(templates))
    assert sum(of_prod in str(path) for path in linted) == 6
    assert [finding for template in linted for finding in findings(template)] == []


@pytest.mark.parametrize(
    ("properties", "rule"),
    [
        ({"BucketNam": "misspelt"}, "E3002"),
        ({"VersioningConfiguration": {"Status": "On"}}, "E3030"),
        ({"BucketName": {"Ref": "Nothing"}}, "E1020"),
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, properties: Mapping[str, Any], rule: str) -> None:
    template = tmp_path / "planted.template.json"
    template.write_text(json.dumps({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}}))
    assert any(rule in finding for finding in findings(template)), findings(template)


def test_few_rules_are_ignored_each_with_a_reason() -> None:
    lines = (ROOT / ".cfnlintrc").read_text().splitlines()
    ignored = [number for number, line in enumerate(lines) if line.startswith("  - ") and "us-east-1" not in line]
    assert len(ignored) == len(settings()["ignore_checks"]) <= REASONED
    assert all(lines[number - 1].lstrip().startswith("#") for number in ignored)
