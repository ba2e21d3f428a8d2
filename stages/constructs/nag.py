"""Acknowledging findings of cdk-nag: at the resource, one finding each."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(
    resource: IConstruct, *, reason: str, aws: str | None = None, pci: str | None = None, template: str | None = None
) -> None:
    """Accept one finding at `resource` for a reason that could be proved false.

    `aws` and `pci` are rules of the two packs without the pack's name, for example `IAM5[Resource::*]`; `template` is
    a rule of the library's own check of templates, for example `W3010`. Give several when they report the same fact.
    """
    # With the pack in front an acknowledgment shows in the validation report; without, it works unseen.
    identifiers = {
        f"AwsSolutions::AwsSolutions-{aws}": aws,
        f"PCI.DSS.321::PCI.DSS.321-{pci}": pci,
        f"CloudFormation-Validate::{template}": template,
    }
    for identifier, rule in identifiers.items():
        if rule is not None:
            Validations.of(resource).acknowledge(Acknowledgment(id=identifier, reason=reason))
