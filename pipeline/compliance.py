"""cdk-nag as part of every synthesis."""

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, PCIDSS321Checks


def enforce(app: cdk.App) -> None:
    """Let violations of the PCI DSS 3.2.1 and AWS Solutions rules fail the synthesis of `app`.

    The packs belong on the App: cdk-nag 3 ignores them on a Stage or a Stack without a word.
    """
    cdk.Validations.of(app).add_plugins(PCIDSS321Checks(app), AwsSolutionsChecks(app))
