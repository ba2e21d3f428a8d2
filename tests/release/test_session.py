"""Sessions of another role: whose they are, and that they outlast AWS's hour."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest

from release.aws.session import CHANGES_TRIED, assume

ROLE = "arn:aws:iam::444444444444:role/payment-prod-release"


@dataclass
class Caller:
    """Stands for the caller's session and its STS client; `lives` are those of the credentials it gets, in turn."""

    arn: str = "arn:aws:sts::444444444444:assumed-role/AWSReservedSSO_PaymentOperator_0123456789abcdef/jo@example.com"
    lives: list[timedelta] = field(default_factory=lambda: [timedelta(hours=1)])
    names: list[str] = field(default_factory=list)
    region_name: str = "us-east-1"

    identities: int = 0
    tried: int = 0

    def client(self, _service: str, *, config: Any) -> "Caller":
        self.tried = config.retries["total_max_attempts"]
        return self

    def get_caller_identity(self) -> dict[str, str]:
        self.identities += 1
        return {"Arn": self.arn}

    def assume_role(self, **request: Any) -> dict[str, Any]:
        assert (request["RoleArn"], request["DurationSeconds"]) == (ROLE, 3600)
        self.names.append(request["RoleSessionName"])
        expires = datetime.now(UTC) + self.lives[len(self.names) - 1]
        number = str(len(self.names))
        return {
            "Credentials": {
                "AccessKeyId": number, "SecretAccessKey": number, "SessionToken": number, "Expiration": expires
            }
        }  # fmt: skip


def key_of(session: boto3.Session) -> str | None:
    credentials = session.get_credentials()
    assert credentials is not None
    return credentials.get_frozen_credentials().access_key


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (Caller.arn, "rollback-jo@example.com"),
        ("arn:aws:sts::111111111111:assumed-role/payment-pipeline-release/AWSCodeBuild-1", "rollback-AWSCodeBuild-1"),
        ("arn:aws:iam::444444444444:root", "rollback-root"),
        (f"arn:aws:sts::444444444444:assumed-role/x/{'y' * 64}", f"rollback-{'y' * 55}"),
    ],
    ids=["person", "build", "administrator", "long"],
)
def test_a_session_bears_the_name_of_who_began_it(arn: str, name: str) -> None:
    caller = Caller(arn=arn)
    key_of(assume(cast(boto3.Session, caller), ROLE, purpose="rollback"))
    assert caller.names == [name]


def test_a_session_asks_for_new_credentials_before_the_old_ones_end() -> None:
    caller = Caller(lives=[timedelta(minutes=5), timedelta(hours=1)])
    session = assume(cast(boto3.Session, caller), ROLE, purpose="freeze")
    assert [key_of(session), key_of(session), key_of(session)] == ["1", "2", "2"]


def test_new_credentials_take_no_more_calls_than_a_change_may() -> None:
    caller = Caller(lives=[timedelta(minutes=5), timedelta(hours=1)])
    session = assume(cast(boto3.Session, caller), ROLE, purpose="freeze")
    key_of(session), key_of(session)
    assert (caller.identities, caller.tried) == (1, CHANGES_TRIED)
