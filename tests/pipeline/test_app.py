"""The App as the CDK CLI runs it."""

import ast
import os
import subprocess
from pathlib import Path

import pytest

from release import names
from stages.environments import PIPELINE_ENVIRONMENTS, PULL_REQUEST_ACCOUNT
from tests.pipeline.synthesis import ROOT, Assembly, resources_of, synthesize


def cdk_list(suffix: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [ROOT / "node_modules" / ".bin" / "cdk", "list", "-c", f"environmentSuffix={suffix}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_invalid_suffix_is_refused_with_what_is_allowed() -> None:
    done = cdk_list("Feature_X")
    assert done.returncode != 0
    assert "environment suffix 'Feature_X' is not allowed" in done.stderr
    assert names.SUFFIX_RULE in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("suffix", ["main", "", "a--b", "far-too-long-for-a-name"])
def test_a_reserved_or_lossy_suffix_is_refused(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(names.InvalidSuffix):
        synthesize(tmp_path, suffix=suffix)


def test_the_app_holds_the_pipeline_and_the_access_to_every_environment(assembly: Assembly) -> None:
    accounts = {environment.suffix: environment.account for environment in PIPELINE_ENVIRONMENTS}
    expected = {stack: account for suffix, account in accounts.items() for stack in names.stacks(suffix)}
    expected |= {names.access_stack(suffix): account for suffix, account in accounts.items()}
    own = {"payment-pipeline": "111111111111", "payment-branches": PULL_REQUEST_ACCOUNT}
    assert dict(assembly.accounts) == expected | own


def test_a_pull_requests_app_is_one_environment_without_a_pipeline(pull_request: Assembly) -> None:
    assert set(pull_request.templates) == {*names.stacks("pr-12"), "payment-pr-12-access"}
    assert set(pull_request.accounts.values()) == {PULL_REQUEST_ACCOUNT}


def test_a_pull_requests_names_all_carry_its_suffix(pull_request: Assembly) -> None:
    for template in pull_request.templates.values():
        for resource in resources_of(template):
            for key in ("RoleName", "FunctionName", "TableName", "BucketName", "TopicName", "LogGroupName"):
                name = resource.properties.get(key)
                if isinstance(name, str):
                    assert "pr-12" in name, (resource.logical_id, name)


@pytest.mark.parametrize("which", ["assembly", "pull_request"])
def test_nothing_is_looked_up_in_an_account(which: str, request: pytest.FixtureRequest) -> None:
    assembly: Assembly = request.getfixturevalue(which)
    for manifest in assembly.directory.rglob("manifest.json"):
        assert '"missing"' not in manifest.read_text()


def test_the_app_knows_only_the_rooms_below_it() -> None:
    """import-linter reads packages only, and the App is one module."""
    tree = ast.parse((ROOT / "app.py").read_text())
    imported = {
        node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }
    imported |= {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    assert imported <= {"sys", "aws_cdk", "pipeline", "stages", "release"}


@pytest.mark.parametrize("suffix", ["dev", "staging", "prod"])
def test_every_resource_of_an_environment_is_tagged_for_the_bill(assembly: Assembly, suffix: str) -> None:
    for stack in (*names.stacks(suffix), names.access_stack(suffix)):
        for resource in resources_of(assembly.templates[stack]):
            tags = resource.properties.get("Tags")
            if isinstance(tags, list):
                found = {tag["Key"] for tag in tags}
                assert {"Project", "EnvironmentSuffix", "CostCenter"} <= found, (stack, resource.logical_id)
