"""What an operator brings before the first deployment, made here for the embedded AWS.

The stacks reference these and never create them: two database secrets, a certificate and its domain name.
"""

from __future__ import annotations

import json
import secrets

import boto3

from local.assembly import Target

DATABASE_USERS = {"admin": "payment_admin", "app": "payment_app"}


def seed(session: boto3.Session, target: Target) -> None:
    """Make the prerequisites of one environment in its account. Raises botocore errors as they come."""
    vault = session.client("secretsmanager")
    for role, username in DATABASE_USERS.items():
        vault.create_secret(
            Name=f"payment/{target.suffix}/database/{role}",
            SecretString=json.dumps({"username": username, "password": secrets.token_urlsafe(24)}),
        )
    domain_name = f"payments.{target.suffix}.example.com"
    certificate = session.client("acm").request_certificate(DomainName=domain_name)["CertificateArn"]
    parameters = session.client("ssm")
    for name, value in (("certificate-arn", certificate), ("domain-name", domain_name)):
        parameters.put_parameter(Name=f"/payment/{target.suffix}/edge/{name}", Value=value, Type="String")
