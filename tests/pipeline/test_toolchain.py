"""The tools that the pipeline installs fit what the App writes, and each other."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline import toolchain
from tests.pipeline.synthesis import CDK_JSON, ROOT, Assembly

CDK_ASSETS = ROOT / "node_modules" / ".bin" / "cdk-assets"


def list_assets(manifest: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([CDK_ASSETS, "--path", manifest, "ls"], capture_output=True, text=True, check=False)


def asset_manifest(assembly: Assembly) -> Path:
    return assembly.directory / "payment-pipeline.assets.json"


def test_publishing_tool_reads_what_the_library_writes(assembly: Assembly) -> None:
    done = list_assets(asset_manifest(assembly))
    assert done.returncode == 0, done.stderr
    assert "payment-pipeline.template.json" in done.stdout


def test_publishing_tool_refuses_a_newer_schema(assembly: Assembly, tmp_path: Path) -> None:
    """Why the library's version is held back: with a newer one this is how every execution would end."""
    manifest: dict[str, Any] = json.loads(asset_manifest(assembly).read_text())
    newer = tmp_path / "newer.assets.json"
    newer.write_text(json.dumps(manifest | {"version": "99.0.0"}))
    done = list_assets(newer)
    assert done.returncode != 0
    assert "schema version" in done.stderr


@pytest.mark.parametrize("package", ["aws-cdk", "cdk-assets"])
def test_npm_versions_are_exact_and_locked(package: str) -> None:
    version = toolchain.npm_version(package)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert lock["packages"][f"node_modules/{package}"]["version"] == version


def test_pipeline_installs_the_pinned_versions(assembly: Assembly) -> None:
    template = (assembly.directory / "payment-pipeline.template.json").read_text()
    assert f"npm install -g aws-cdk@{toolchain.npm_version('aws-cdk')}" in template
    (spec,) = assembly.directory.glob("buildspec-*-FileAsset.yaml")
    assert f"npm install -g cdk-assets@{toolchain.npm_version('cdk-assets')}" in spec.read_text()


def test_cdk_json_runs_the_checkouts_own_python() -> None:
    program, script = CDK_JSON["app"].split()
    assert (program, script) == (".venv/bin/python", "app.py")
    assert shutil.which(ROOT / program)
