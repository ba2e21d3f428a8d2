"""The embedded AWS as its clients see it: an endpoint, and accounts that are their own credentials."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import boto3
import botocore.session

# Nothing of the developer's real AWS configuration may reach the embedded AWS, or the other way round.
FOREIGN_PREFIXES = ("AWS_", "CDK_", "PYTEST_")
SECRET_KEY = "local"  # noqa: S105  the embedded AWS takes any secret of an account's administrator


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the embedded AWS answers. In it a 12-digit access key id is that account's administrator."""

    url: str
    region: str = "us-east-1"

    def session(self, account: str) -> boto3.Session:
        """A session of an account's administrator, whose clients all talk to the embedded AWS."""
        core = botocore.session.Session()
        core.get_component("config_store").set_config_variable("endpoint_url", self.url)
        return boto3.Session(
            botocore_session=core,
            aws_access_key_id=account,
            aws_secret_access_key=SECRET_KEY,
            region_name=self.region,
        )

    def environment(self, account: str, *, home: Path) -> dict[str, str]:
        """Environment variables for a child process that works as an account's administrator."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_PREFIXES)}
        return {
            **kept,
            "HOME": str(home),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_EXECUTE_API": self.url,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "CDK_DISABLE_CLI_TELEMETRY": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
