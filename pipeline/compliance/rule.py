"""A rule: one requirement of PCI DSS, the control that meets it, and the place in a template that proves it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.compliance.estate import Estate, Resource

PACK: Final = "PCI.DSS.401"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was found at `path` of a resource (dotted, from its definition), and whether it is what the rule demands."""

    path: str
    value: Any
    holds: bool


Check = Callable[[Resource], Iterable[Evidence]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`check` looks at every resource of `types` and gives at least one piece of evidence for each it applies to.

    `applies` narrows the resources down. A rule that finds nothing to look at in an estate that holds cardholder data
    is no proof of anything: the table of controls says so.
    """

    id: str
    requirement: str
    control: str
    types: Sequence[str]
    check: Check
    applies: Callable[[Resource], bool] = lambda _: True

    @property
    def name(self) -> str:
        """As it stands in the validation report."""
        return f"{PACK}-{self.id}"

    def subjects(self, estate: Estate) -> list[Resource]:
        return [resource for resource in estate.of(*self.types) if self.applies(resource)]


def demand(path: str, accepts: Callable[[Any], bool]) -> Check:
    """The property at `path` is one that `accepts` takes."""

    def check(resource: Resource) -> list[Evidence]:
        value = resource.at(path)
        return [Evidence(path=f"Properties.{path}", value=value, holds=accepts(value))]

    return check


def every(*checks: Check) -> Check:
    """All of these at once."""

    def check(resource: Resource) -> list[Evidence]:
        return [evidence for each in checks for evidence in each(resource)]

    return check


def companion(types: Sequence[str], refers: Callable[[Resource, Resource], bool]) -> Check:
    """In the same estate there is a resource of `types` for which `refers(subject, companion)`."""

    def check(resource: Resource) -> list[Evidence]:
        found = [other for other in resource.estate.of(*types) if refers(resource, other)]
        named = [f"{other.stack}/{other.logical_id}" for other in found]
        return [Evidence(path="Type", value=named or f"no {' or '.join(types)}", holds=bool(found))]

    return check


def in_cardholder_data(resource: Resource) -> bool:
    return resource.estate.holds_cardholder_data


def is_true(value: Any) -> bool:
    return value is True or value == "true"


def one_of(*values: Any) -> Callable[[Any], bool]:
    return lambda value: value in values


def at_least(least: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value >= least


def at_most(most: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most


def is_own_key(value: Any) -> bool:
    """A key of this application: never a literal, as aliases of AWS's own keys are."""
    return isinstance(value, dict) and "Key" in str(value)
