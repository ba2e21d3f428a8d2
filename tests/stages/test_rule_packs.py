"""cdk-nag: clean, not blind, and with no acknowledgment that nothing needs."""

import pytest
from aws_cdk import aws_s3 as s3

from pipeline.compliance import enforce
from stages.environments import DEV
from stages.payment_stage import PaymentStage
from tests.stages.templates import Synthesis, new_app

PACKS = {"PCI.DSS.321", "AwsSolutions"}


def test_both_packs_looked_and_found_nothing_unanswered(synthesis: Synthesis) -> None:
    reports = {report["pluginName"]: report for report in synthesis.report["pluginReports"]}
    assert reports.keys() >= PACKS
    for pack in PACKS:
        assert reports[pack]["conclusion"] == "success"
        assert reports[pack]["violations"] == []


def test_a_violation_inside_a_stage_fails_the_synthesis() -> None:
    app = new_app()
    enforce(app)
    stage = PaymentStage(app, "Dev", environment=DEV)
    s3.Bucket(stage.data, "Planted")
    with pytest.raises(RuntimeError, match="S3BucketVersioningEnabled"):
        app.synth()


def test_every_acknowledgment_answers_a_finding(synthesis: Synthesis) -> None:
    """A misspelt rule or a resource that has been repaired leaves an acknowledgment behind that says nothing."""
    used = {
        (finding["acknowledgedAt"], finding["acknowledgedId"])
        for report in synthesis.report["pluginReports"]
        for finding in report["suppressedViolations"]
    }
    given = {(path, rule) for path, rule in synthesis.acknowledgments if rule.split("::")[0] in PACKS}
    assert given
    assert given - used == set()


def test_every_acknowledgment_has_a_reason_of_its_own_words(synthesis: Synthesis) -> None:
    reasons = {
        finding["reason"] for report in synthesis.report["pluginReports"] for finding in report["suppressedViolations"]
    }
    assert reasons
    assert [reason for reason in reasons if len(reason.split()) < 8] == []
