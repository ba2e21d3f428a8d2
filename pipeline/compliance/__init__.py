"""What every synthesis has to fulfil: cdk-nag's packs, and our own rules for PCI DSS 4.0.1 where those are blind."""

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, PCIDSS321Checks

from pipeline.compliance.plugin import PciDss401Checks


def enforce(app: cdk.App) -> None:
    """Let a violation of the AWS Solutions, PCI DSS 3.2.1 or PCI DSS 4.0.1 rules fail the synthesis of `app`.

    The packs belong on the App: cdk-nag 3 ignores them on a Stage or a Stack without a word.
    """
    cdk.Validations.of(app).add_plugins(PCIDSS321Checks(app), AwsSolutionsChecks(app), PciDss401Checks())
