"""Violations fail the synthesis wherever they are; acknowledgments that answer no finding are found."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3

from pipeline.compliance import enforce
from stages.constructs.nag import acknowledge
from tests.pipeline.synthesis import CDK_JSON, Assembly

PACKS = ("AwsSolutions", "PCI.DSS.321", "PCI.DSS.401")

Finding = tuple[str, str]
"""Where it was acknowledged, and the rule."""


def declared(directory: Path) -> dict[Finding, str]:
    """Every acknowledgment of a synthesized App, with its reason."""
    return {
        (path.removeprefix("/"), rule): reason
        for file in directory.rglob("*.metadata.json")
        for path, entries in json.loads(file.read_text()).items()
        for entry in entries
        if entry["type"] == cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for rule, reason in entry["data"].items()
        if rule.startswith(PACKS)
    }


def answered(directory: Path) -> set[Finding]:
    return {
        (violation["acknowledgedAt"], violation["acknowledgedId"])
        for plugin in json.loads((directory / "validation-report.json").read_text())["pluginReports"]
        for violation in plugin.get("suppressedViolations") or ()
        if violation["acknowledgedId"].startswith(PACKS)
    }


def bucket_in_a_stage(app: cdk.App) -> s3.Bucket:
    stage = cdk.Stage(app, "Stage", env=cdk.Environment(account="222222222222", region="us-east-1"))
    return s3.Bucket(cdk.Stack(stage, "Stack"), "Bucket")


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    app = cdk.App(outdir=str(tmp_path), context=CDK_JSON["context"])
    enforce(app)
    return app


@pytest.mark.parametrize("rule", ["AwsSolutions-S1", "PCI.DSS.321-S3BucketVersioningEnabled"])
def test_a_violation_inside_a_stage_fails_the_synthesis(app: cdk.App, rule: str) -> None:
    bucket_in_a_stage(app)
    with pytest.raises(RuntimeError, match=rule):
        app.synth()


def test_the_app_has_no_stale_acknowledgment(assembly: Assembly) -> None:
    accepted = set(declared(assembly.directory))
    assert accepted, "no acknowledgment was found at all"
    assert accepted == answered(assembly.directory)


def test_a_stale_acknowledgment_is_noticed(app: cdk.App, tmp_path: Path) -> None:
    bucket = bucket_in_a_stage(app)
    stale = "S3BucketLevelPublicAccessProhibitedX"
    acknowledge(bucket, pci=stale, reason="There is no such rule, so nothing can be found by it.")
    acknowledge(bucket, pci="S3BucketReplicationEnabled", reason="A finding that is there.")
    with pytest.raises(RuntimeError):
        app.synth()
    unanswered = set(declared(tmp_path)) - answered(tmp_path)
    assert {rule for _, rule in unanswered} == {f"PCI.DSS.321::PCI.DSS.321-{stale}"}


def test_each_acknowledgment_is_at_one_resource_with_a_reason(assembly: Assembly) -> None:
    for (path, rule), reason in declared(assembly.directory).items():
        depth = 2 if path.startswith("payment-pipeline/") else 1
        assert path.count("/") >= depth, f"{rule} at {path} is for a whole stack"
        assert len(reason.split()) >= 5, f"{rule} at {path}: {reason}"
