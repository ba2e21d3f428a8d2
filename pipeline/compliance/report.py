"""The table for an assessor: requirement, control, resource, proof."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from pipeline.compliance.beyond_templates import TESTED
from pipeline.compliance.catalogue import RULES, Judgement, judge
from pipeline.compliance.estate import read_estates
from pipeline.compliance.rule import Rule

LONGEST: Final = 160


@dataclass(frozen=True, kw_only=True)
class Compliance:
    """What the templates of one synthesis prove."""

    judgements: Sequence[Judgement]
    accepted: Sequence[Mapping[str, str]]

    @property
    def violations(self) -> list[Judgement]:
        return [judgement for judgement in self.judgements if not judgement.holds]

    @property
    def unproved(self) -> list[Rule]:
        """Rules that found nothing to look at: of them the templates prove nothing."""
        proved = {judgement.rule.id for judgement in self.judgements}
        return [rule for rule in RULES if rule.id not in proved]


def examine(assembly: Path) -> Compliance:
    """All templates below a synthesized cloud assembly, and the findings of cdk-nag that were accepted there."""
    templates = sorted(assembly.rglob("*.template.json"))
    return Compliance(
        judgements=list(judge(read_estates(templates))),
        accepted=_accepted(json.loads((assembly / "validation-report.json").read_text(encoding="utf-8"))),
    )


def as_json(compliance: Compliance) -> str:
    return json.dumps(
        {
            "standard": "PCI DSS 4.0.1",
            "controls": [_row(judgement) for judgement in compliance.judgements],
            "tested": [vars(control) for control in TESTED],
            "accepted": list(compliance.accepted),
        },
        indent=2,
    )


def as_markdown(compliance: Compliance) -> str:
    lines = [
        "# PCI DSS 4.0.1: requirement, control, resource, proof",
        "",
        "Made by `make compliance` from the synthesized templates; how to read it: `docs/compliance.md`.",
        "",
        "| requirement | control | rule | resources | |",
        "|---|---|---|---|---|",
    ]
    by_rule = [(rule, list(group)) for rule, group in groupby(compliance.judgements, key=lambda j: j.rule)]
    for rule, judgements in by_rule:
        held = sum(judgement.holds for judgement in judgements)
        verdict = "holds" if held == len(judgements) else "**violated**"
        lines.append(f"| {rule.requirement} | {rule.control} | {rule.id} | {held} of {len(judgements)} | {verdict} |")
    lines += [f"| {rule.requirement} | {rule.control} | {rule.id} | 0 | **no proof** |" for rule in compliance.unproved]
    lines += ["", "## Proved by tests", "", "| requirement | control | test |", "|---|---|---|"]
    lines += [f"| {t.requirement} | {t.control} | `tests/{t.test}` |" for t in TESTED]
    for rule, judgements in by_rule:
        lines += ["", f"## {rule.requirement} {rule.id}", "", f"{rule.control}.", "", "| account | resource | proof |"]
        lines += ["|---|---|---|", *map(_markdown_row, judgements)]
    lines += ["", "## Accepted findings", "", "| rule | resource | reason |", "|---|---|---|"]
    lines += [f"| {a['rule']} | {a['resource']} | {a['reason']} |" for a in compliance.accepted]
    return "\n".join(lines) + "\n"


def _row(judgement: Judgement) -> dict[str, Any]:
    resource = judgement.resource
    return {
        "requirement": judgement.rule.requirement,
        "control": judgement.rule.control,
        "rule": judgement.rule.name,
        "account": resource.estate.account,
        "stack": resource.stack,
        "resource": resource.logical_id,
        "type": resource.type,
        "holds": judgement.holds,
        "proof": [{"path": e.path, "value": e.value, "holds": e.holds} for e in judgement.evidence],
    }


def _markdown_row(judgement: Judgement) -> str:
    resource = judgement.resource
    proof = "<br>".join(f"`{evidence.path}` = {_short(evidence.value)}" for evidence in judgement.evidence)
    verdict = "" if judgement.holds else "**violated:** "
    return f"| {resource.estate.account} | {resource.stack}/{resource.logical_id} | {verdict}{proof} |"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return f"`{text.replace('|', '¦').replace('`', chr(39))}`"


def _accepted(report: Mapping[str, Any]) -> list[dict[str, str]]:
    """What cdk-nag found and a person accepted, with the reason."""
    found: Iterable[Mapping[str, Any]] = (
        finding for plugin in report["pluginReports"] for finding in plugin.get("suppressedViolations") or ()
    )
    return [
        {"rule": finding["ruleName"], "resource": violating["constructPath"], "reason": finding["reason"]}
        for finding in found
        for violating in finding["violatingConstructs"]
    ]
