"""The roles that `cdk bootstrap` leaves in an account, by their well-known names."""

from typing import Final

QUALIFIER: Final = "hnb659fds"
STACK: Final = "CDKToolkit"


def role_name(purpose: str, *, account: str, region: str) -> str:
    """`purpose` is deploy, file-publishing or cfn-exec."""
    return f"cdk-{QUALIFIER}-{purpose}-role-{account}-{region}"


def role_arn(purpose: str, *, account: str, region: str) -> str:
    return f"arn:aws:iam::{account}:role/{role_name(purpose, account=account, region=region)}"
