"""What an operator brings for dev, staging and prod, made for a branch's environment by its build."""

import json
import secrets
from typing import TYPE_CHECKING, Final

from release import names

if TYPE_CHECKING:
    import boto3

SHARED_CERTIFICATE: Final = "/payment-branches/edge/certificate-arn"
"""A wildcard certificate for all branches, and the domain that it is for; an operator brings both once."""
SHARED_DOMAIN: Final = "/payment-branches/edge/domain-name"


def prepare(session: "boto3.Session", suffix: str, tags: dict[str, str]) -> list[str]:
    """Make what is missing and return its names. Passwords are random, and no build ever sees one again."""
    vault, parameters = session.client("secretsmanager"), session.client("ssm")
    made = []
    users = {names.database_admin_secret(suffix): "payment_admin", names.database_app_secret(suffix): "payment_app"}
    for name, user in users.items():
        try:
            vault.create_secret(
                Name=name,
                SecretString=json.dumps({"username": user, "password": secrets.token_urlsafe(24)}),
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )
        except vault.exceptions.ResourceExistsException:
            continue
        made.append(name)
    certificate = parameters.get_parameter(Name=SHARED_CERTIFICATE)["Parameter"]["Value"]
    domain = parameters.get_parameter(Name=SHARED_DOMAIN)["Parameter"]["Value"]
    values = {
        names.certificate_arn_parameter(suffix): certificate,
        names.domain_name_parameter(suffix): f"{suffix}.{domain}",
    }
    for name, value in values.items():
        parameters.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    return made
