"""All rules, by requirement, and what they find."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.compliance import access, changes, encryption, history, network, operation
from pipeline.compliance.estate import Estate, Resource
from pipeline.compliance.rule import Evidence, Rule

RULES: Final[tuple[Rule, ...]] = tuple(
    sorted(
        (*network.RULES, *encryption.RULES, *changes.RULES, *access.RULES, *history.RULES, *operation.RULES),
        key=lambda rule: ([int(part) for part in rule.requirement.split(".")], rule.id),
    )
)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One rule at one resource, with everything that it looked at."""

    rule: Rule
    resource: Resource
    evidence: tuple[Evidence, ...]

    @property
    def holds(self) -> bool:
        return all(evidence.holds for evidence in self.evidence)


def judge(estates: Iterable[Estate]) -> Iterator[Judgement]:
    """Every rule at every resource that it applies to, in the order of the requirements."""
    known = list(estates)
    for rule in RULES:
        for estate in known:
            for resource in rule.subjects(estate):
                yield Judgement(rule=rule, resource=resource, evidence=tuple(rule.check(resource)))
