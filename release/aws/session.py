"""Sessions of roles in the environment's account, and clients whose calls end before a lease does."""

import re
from functools import cache, cached_property
from typing import Any, Final, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
)

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 5
CHANGES_TRIED: Final = 2

CLIENT_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 6},
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    user_agent_extra="payment-release",
)
# A change that is still on its way when the lease is somebody else's would undo what that one did.
_CHANGING = CLIENT_CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": CHANGES_TRIED}))
_READS: Final = ("describe_", "get_", "list_", "query", "exceptions")


class Client:
    """A service's client that tries what changes something twice at most, and what only reads more often: throttling
    and a lost answer are no reason to break off a release."""

    def __init__(self, session: boto3.Session, service: str) -> None:
        self._session, self._service = session, service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reading if name.startswith(_READS) else self._changing, name)

    @cached_property
    def _reading(self) -> Any:
        return self._made(CLIENT_CONFIG)

    @cached_property
    def _changing(self) -> Any:
        return self._made(_CHANGING)

    def _made(self, config: Config) -> Any:
        return cast("Any", self._session).client(self._service, config=config)


def assume(own: boto3.Session, role_arn: str, *, purpose: str) -> boto3.Session:
    """A session of the role that asks for new credentials before the hour ends that one role may have as another.

    It is named after who began it, so that CloudTrail tells of every call whose it was.
    """
    # Any call may have to wait for new credentials, and it may be one that changes something.
    sts = own.client("sts", config=_CHANGING)

    @cache
    def caller() -> str:
        return re.split("[:/]", sts.get_caller_identity()["Arn"])[-1]

    def credentials() -> dict[str, str]:
        given = sts.assume_role(RoleArn=role_arn, RoleSessionName=f"{purpose}-{caller()}"[:64], DurationSeconds=3600)
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
