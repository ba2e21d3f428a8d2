"""Our rules for PCI DSS 4.0.1: clean templates, not blind, and a table that an assessor can read."""

import json
from collections.abc import Sequence
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sqs as sqs

from pipeline.compliance.__main__ import main
from pipeline.compliance.beyond_templates import TESTED
from pipeline.compliance.catalogue import RULES, judge
from pipeline.compliance.estate import Estate, read_estates
from pipeline.compliance.plugin import PciDss401Checks
from pipeline.compliance.rule import PACK, Rule
from stages.environments import PROD, TOOLING_ACCOUNT
from tests.pipeline.plants import PLANTS
from tests.pipeline.synthesis import ROOT, Assembly

# What else is missing at a queue that was put up without a thought.
UNANSWERED = {"MessagesAreSentEncrypted", "FailuresWakeSomebody", "InventoryIsTagged"}


def estates_of(assembly: Assembly, *accounts: str) -> list[Estate]:
    found = read_estates(sorted(assembly.directory.rglob("*.template.json")))
    return [estate for estate in found if not accounts or estate.account in accounts]


def violated(estates: Sequence[Estate]) -> set[str]:
    return {judgement.rule.id for judgement in judge(estates) if not judgement.holds}


@pytest.mark.parametrize("which", ["assembly", "pull_request"])
def test_every_rule_holds_in_every_template(which: str, request: pytest.FixtureRequest) -> None:
    assembly: Assembly = request.getfixturevalue(which)
    assert violated(estates_of(assembly)) == set()


def test_there_is_a_planted_violation_of_every_rule() -> None:
    assert PLANTS.keys() == {rule.id for rule in RULES}
    assert len(RULES) == len({rule.id for rule in RULES})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_planted_violation_is_found(assembly: Assembly, rule: Rule) -> None:
    """Each in the templates of prod, or of the pipeline where prod has no such resource."""
    estates = estates_of(assembly, PROD.account, TOOLING_ACCOUNT)
    estate = next(e for e in sorted(estates, key=lambda e: e.account != PROD.account) if rule.subjects(e))
    before = len(rule.subjects(estate))

    PLANTS[rule.id](estate, rule.subjects(estate))
    changed = Estate(account=estate.account)
    for resource in estate.resources:
        object.__setattr__(resource, "estate", changed)
        changed.resources.append(resource)

    assert rule.id in violated([changed])
    assert len(rule.subjects(changed)) in (before, before - 1)


def queue_in_a_stage(app: cdk.App) -> sqs.Queue:
    stage = cdk.Stage(app, "Stage", env=cdk.Environment(account="222222222222", region="us-east-1"))
    return sqs.Queue(cdk.Stack(stage, "Stack"), "Queue", encryption=sqs.QueueEncryption.SQS_MANAGED)


def failing_rules(directory: Path) -> set[str]:
    (report,) = json.loads((directory / "validation-report.json").read_text())["pluginReports"]
    assert report["pluginName"] == PACK
    return {violation["ruleName"].removeprefix(f"{PACK}-") for violation in report["violations"]}


@pytest.fixture
def app(tmp_path: Path) -> cdk.App:
    app = cdk.App(outdir=str(tmp_path))
    cdk.Validations.of(app).add_plugins(PciDss401Checks())
    return app


def test_what_is_found_inside_a_stage_fails_the_synthesis(app: cdk.App, tmp_path: Path) -> None:
    queue_in_a_stage(app)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    assert failing_rules(tmp_path) == UNANSWERED | {"QueueKey"}


def test_one_finding_is_accepted_at_one_resource(app: cdk.App, tmp_path: Path) -> None:
    accepted = cdk.Acknowledgment(id=f"{PACK}::{PACK}-QueueKey", reason="Holds public test data only")
    cdk.Validations.of(queue_in_a_stage(app)).acknowledge(accepted)
    with pytest.raises(RuntimeError):
        app.synth()
    assert failing_rules(tmp_path) == UNANSWERED


def test_the_table_names_requirement_control_resource_and_proof(
    assembly: Assembly, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(assembly.directory, tmp_path) == 0, capsys.readouterr().out

    table = json.loads((tmp_path / "compliance.json").read_text())
    assert {row["rule"] for row in table["controls"]} == {rule.name for rule in RULES}
    (lock,) = [row for row in table["controls"] if row["rule"] == f"{PACK}-AuditRecordsAreLocked"]
    assert (lock["requirement"], lock["account"], lock["resource"]) == ("10.3.2", PROD.account, "Audit3D8ADE0A")
    (proof,) = lock["proof"]
    assert proof["value"]["Mode"] == "COMPLIANCE"
    assert proof["value"]["Days"] >= 400
    assert table["accepted"]
    markdown = (tmp_path / "compliance.md").read_text()
    assert all(rule.id in markdown and rule.control in markdown for rule in RULES)


def test_a_violated_rule_is_in_the_table_and_fails_the_command(
    app: cdk.App, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queue_in_a_stage(app)
    with pytest.raises(RuntimeError):
        app.synth()

    assert main(tmp_path, tmp_path / "table") == 1
    printed = capsys.readouterr().out
    assert f"violated: {PACK}-QueueKey" in printed
    assert f"nothing proves {PACK}-TableKey" in printed


def test_the_tests_that_prove_a_control_are_there() -> None:
    for control in TESTED:
        assert "def test_" in (ROOT / "tests" / control.test).read_text(), control
