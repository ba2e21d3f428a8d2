"""Our rules as a validation plugin, as cdk-nag's packs are."""

from pathlib import Path

import aws_cdk as cdk
import jsii

from pipeline.compliance.catalogue import RULES, Judgement, judge
from pipeline.compliance.estate import read_estates
from pipeline.compliance.rule import PACK


@jsii.implements(cdk.IPolicyValidationPlugin)
class PciDss401Checks:
    """Looks at the synthesized templates. An acknowledgment names `PCI.DSS.401::PCI.DSS.401-<rule>` at one resource."""

    @property
    def name(self) -> str:
        return PACK

    @property
    def version(self) -> str:
        return "4.0.1"

    @property
    def rule_ids(self) -> list[str]:
        return [rule.name for rule in RULES]

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        broken: dict[str, list[Judgement]] = {}
        for judgement in judge(read_estates(Path(template) for template in context.template_paths)):
            if not judgement.holds:
                broken.setdefault(judgement.rule.id, []).append(judgement)
        violations = [_violation(judgements) for judgements in broken.values()]
        return cdk.PolicyValidationPluginReport(success=not violations, violations=violations)


def _violation(judgements: list[Judgement]) -> cdk.PolicyViolation:
    rule = judgements[0].rule
    return cdk.PolicyViolation(
        rule_name=rule.name,
        description=f"{rule.control} - (PCI DSS 4.0.1: {rule.requirement})",
        severity="error",
        violating_resources=[
            cdk.PolicyViolatingResource(
                resource_logical_id=judgement.resource.logical_id,
                template_path=str(judgement.resource.template),
                locations=[evidence.path for evidence in judgement.evidence if not evidence.holds],
            )
            for judgement in judgements
        ],
    )
