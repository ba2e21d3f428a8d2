"""Sessions against one endpoint: the account's own, and roles assumed one from the other."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

# Without proxies: the endpoint is on this machine, whatever HTTP_PROXY says.
_CONFIG = Config(retries={"max_attempts": 2}, connect_timeout=5, read_timeout=120, proxies={})
ROOT_SECRET = "local"  # noqa: S105 - a 12-digit access key id is that account's root here, with any secret


@dataclass(frozen=True, kw_only=True)
class Credentials:
    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)

    def environment(self) -> dict[str, str]:
        """As environment variables of a child process."""
        variables = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return variables | ({"AWS_SESSION_TOKEN": self.token} if self.token else {})


class AwsSession:
    """Clients of one identity, safe to use from several threads."""

    _loading = threading.Lock()
    _loader: Any = None

    def __init__(self, *, endpoint: str, region: str, credentials: Credentials) -> None:
        self.endpoint, self.region, self.credentials = endpoint, region, credentials
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, *, region: str = "") -> Any:
        """A client of the service; calls fail with botocore's ClientError."""
        where = region or self.region
        with AwsSession._loading:
            found = self._clients.get((service, where))
            if found is None:
                found = self._clients[(service, where)] = self._make(service, where)
            return found

    def assume(self, role_arn: str, name: str) -> AwsSession:
        """The role's session, with this session's identity asking for it. Lasts an hour."""
        answer = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=name[:64])["Credentials"]
        credentials = Credentials(
            access_key=answer["AccessKeyId"], secret_key=answer["SecretAccessKey"], token=answer["SessionToken"]
        )
        return AwsSession(endpoint=self.endpoint, region=self.region, credentials=credentials)

    def _make(self, service: str, region: str) -> Any:
        core = botocore.session.Session()
        if AwsSession._loader is None:  # the service models are large: read each once for all sessions
            AwsSession._loader = core.get_component("data_loader")
        core.register_component("data_loader", AwsSession._loader)
        return boto3.Session(botocore_session=core).client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=self.credentials.access_key,
            aws_secret_access_key=self.credentials.secret_key,
            aws_session_token=self.credentials.token or None,
            config=_CONFIG,
        )


def account_session(*, endpoint: str, account: str, region: str) -> AwsSession:
    """The session of an account itself, from which every chain of roles starts."""
    credentials = Credentials(access_key=account, secret_key=ROOT_SECRET)
    return AwsSession(endpoint=endpoint, region=region, credentials=credentials)
