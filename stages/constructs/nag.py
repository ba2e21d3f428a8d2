"""Acknowledging findings of cdk-nag: at the resource, one finding each."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(resource: IConstruct, *, reason: str, aws: str | None = None, pci: str | None = None) -> None:
    """Accept one finding at `resource` for a reason that could be proved false.

    `aws` and `pci` are rule names without their pack, for example `IAM5[Resource::*]`; give both when both packs
    report the same fact.
    """
    for pack, rule in (("AwsSolutions", aws), ("PCI.DSS.321", pci)):
        if rule is not None:
            # With the pack in front the acknowledgment shows in the validation report; without it works, unseen.
            identifier = f"{pack}::{pack}-{rule}"
            Validations.of(resource).acknowledge(Acknowledgment(id=identifier, reason=reason))
