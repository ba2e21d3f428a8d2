"""The deployed environment that is tested: its outputs, and a session that may read it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import boto3

DEFAULT_OUTPUTS: Final = "cfn-outputs/flat-outputs.json"
DEFAULT_REGION: Final = "us-east-1"
SESSION_SECONDS: Final = 3600


class NoEnvironment(Exception):
    """There is nothing to test; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """An environment by its outputs. An output that does not exist is an error, not a skipped test."""

    outputs: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        if key not in self.outputs:
            raise NoEnvironment(f"the environment has no output {key}")
        return self.outputs[key]

    @property
    def suffix(self) -> str:
        return self["EnvironmentSuffix"]


def outputs_path() -> Path:
    return Path(os.environ.get("FLAT_OUTPUTS") or DEFAULT_OUTPUTS)


def read_outputs(path: Path) -> Deployed:
    """Raises `NoEnvironment`."""
    try:
        return Deployed(outputs=json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise NoEnvironment(
            f"{path} does not exist: write it with `python -m release outputs --suffix <suffix>`"
        ) from error


def tester_session() -> boto3.Session:
    """The caller's session, or one of `INTEGRATION_TEST_ROLE_ARN`."""
    own = boto3.Session(region_name=os.environ.get("AWS_REGION") or DEFAULT_REGION)
    role_arn = os.environ.get("INTEGRATION_TEST_ROLE_ARN")
    if not role_arn:
        return own
    answer = own.client("sts").assume_role(
        RoleArn=role_arn, RoleSessionName="integration-test", DurationSeconds=SESSION_SECONDS
    )
    credentials = answer["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=own.region_name,
    )
