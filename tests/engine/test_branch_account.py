"""What `branches/` asks of an account, answered by an engine."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from branches.account import AwsAccount
from branches.ports import Item
from release import names
from tests.engine.embedded import REGION, EmbeddedAws


@pytest.fixture
def session(engine: EmbeddedAws, account: str, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    monkeypatch.setenv("AWS_ENDPOINT_URL", engine.endpoint)
    return boto3.Session(aws_access_key_id=account, aws_secret_access_key="local", region_name=REGION)


class Late:
    """A session whose list of secrets is that of five minutes ago, as AWS's may be."""

    def __init__(self, session: boto3.Session, listed: list[str]) -> None:
        self._session, self._listed = session, listed

    def client(self, service: Any) -> Any:
        client = self._session.client(service)
        if service == "secretsmanager":
            # An attribute of its own, before the class's method.
            client.get_paginator = lambda _: self
        return client

    def paginate(self) -> list[dict[str, list[dict[str, str]]]]:
        return [{"SecretList": [{"Name": name} for name in self._listed]}]


def test_secrets_are_found_by_name_and_not_as_they_were_listed_minutes_ago(
    session: boto3.Session,
) -> None:
    vault = session.client("secretsmanager")
    made, gone = names.database_app_secret("pr-12"), names.database_admin_secret("pr-12")
    vault.create_secret(Name=made, SecretString="{}")
    late: Any = Late(session, listed=[gone])
    found = AwsAccount(late, "pr-12")

    assert found.items() == [Item(kind="secret", name=made)]
    found.remove(Item(kind="secret", name=made))
    assert found.items() == []
