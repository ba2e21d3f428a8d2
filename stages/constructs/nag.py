"""Acknowledging findings of cdk-nag: at the resource, one finding each."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

_PACKS = {"aws": "AwsSolutions", "pci": "PCI.DSS.321"}


def acknowledge(resource: IConstruct, *, reason: str, aws: str | None = None, pci: str | None = None) -> None:
    """Accept one finding at `resource` for a reason that could be proved false.

    `aws` and `pci` are rule names without the pack, for example `IAM5[Resource::*]`; give both when both packs
    report the same fact.
    """
    for pack, rule in (("aws", aws), ("pci", pci)):
        if rule is not None:
            separator = "-" if pack == "aws" else "::"
            identifier = f"{_PACKS[pack]}::AwsSolutions-{rule}" if pack == "aws" else f"{_PACKS[pack]}{separator}{rule}"
            Validations.of(resource).acknowledge(Acknowledgment(id=identifier, reason=reason))
