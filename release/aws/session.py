"""Sessions of roles in the environment's account."""

import re

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
)

CLIENT_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=5,
    read_timeout=30,
    user_agent_extra="payment-release",
)


def assume(own: boto3.Session, role_arn: str, *, purpose: str) -> boto3.Session:
    """A session of the role that asks for new credentials before the hour ends that one role may have as another.

    It is named after who began it, so that CloudTrail tells of every call whose it was.
    """
    sts = own.client("sts", config=CLIENT_CONFIG)

    def credentials() -> dict[str, str]:
        caller = re.split("[:/]", sts.get_caller_identity()["Arn"])[-1]
        given = sts.assume_role(RoleArn=role_arn, RoleSessionName=f"{purpose}-{caller}"[:64], DurationSeconds=3600)
        found = given["Credentials"]
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

    class Assumed(CredentialProvider):
        METHOD = "assume-role"

        def load(self) -> Credentials:
            return DeferredRefreshableCredentials(refresh_using=credentials, method=self.METHOD)

    session = botocore.session.get_session()
    session.register_component("credential_provider", CredentialResolver([Assumed()]))
    return boto3.Session(botocore_session=session, region_name=own.region_name)
