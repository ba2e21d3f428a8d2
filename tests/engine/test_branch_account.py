"""What `branches/` asks of an account, answered by an engine."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from branches.account import AwsAccount
from branches.errors import LostLease, NotSetUp, Occupied
from branches.ports import Item
from branches.records import LEASE_SECONDS, Records, nobody
from branches.sweep import present_suffixes
from pipeline.branch_grants import build_grants
from pipeline.settings import SETTINGS
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


NOW = 1_700_000_000.0


@pytest.fixture
def records(session: boto3.Session) -> Records:
    client = session.client("dynamodb")
    client.create_table(
        TableName=names.BRANCHES,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return Records(client)


def claim(records: Records, ref: str, holder: str, *, now: float = NOW) -> bool:
    return records.claim("pr-12", ref, holder=holder, now=now, lives_until=now)


def test_what_is_nobodys_is_waited_for_and_then_had_by_whoever_comes(records: Records) -> None:
    assert claim(records, nobody("pr-12"), "janitor")
    assert not claim(records, "pr/12", "build"), "while it is being removed"
    records.release("pr-12", holder="janitor")
    assert claim(records, "pr/12", "build"), "its removal has failed"
    with pytest.raises(Occupied, match="belongs to pr/12"):
        claim(records, nobody("pr-12"), "janitor", now=NOW + LEASE_SECONDS + 1)
    (record,) = records.all()
    assert (record.ref, record.holder, record.is_nobodys) == ("pr/12", "build", False)


def test_who_has_lost_the_lease_changes_nothing(records: Records) -> None:
    assert claim(records, "pr/12", "one")
    records.renew("pr-12", holder="one", now=NOW)
    assert not claim(records, "pr/12", "two")
    assert claim(records, "pr/12", "two", now=NOW + LEASE_SECONDS + 1)
    with pytest.raises(LostLease):
        records.renew("pr-12", holder="one", now=NOW)
    with pytest.raises(LostLease):
        records.deployed("pr-12", holder="one", commit="c0ffee", url="", lives_until=NOW)
    with pytest.raises(LostLease):
        records.forget("pr-12", holder="one")
    records.release("pr-12", holder="one")
    found = records.find("pr-12")
    assert found
    assert found.holder == "two"


def test_an_account_without_branches_is_named_as_one(session: boto3.Session) -> None:
    with pytest.raises(NotSetUp, match="not the account of the branches"):
        Records(session.client("dynamodb")).all()


def test_a_builds_role_may_look_for_everything_that_a_branch_leaves(
    engine: EmbeddedAws, account: str, session: boto3.Session
) -> None:
    grants = build_grants(SETTINGS, account=account, keys=[f"arn:aws:kms:{REGION}:{account}:key/any"])
    policy = {"Version": "2012-10-17", "Statement": [each.statement().to_statement_json() for each in grants]}
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    iam = session.client("iam")
    role = iam.create_role(
        RoleName="build", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="build", PolicyName="grants", PolicyDocument=json.dumps(policy))
    session.client("ssm").put_parameter(Name="/payment/pr-12/config/log-level", Value="INFO", Type="String")
    given = engine.assume(role, account=account)
    build = boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name=REGION,
    )

    assert present_suffixes(build) == {"pr-12"}
    branch = AwsAccount(build, "pr-12")
    (found,) = branch.items()
    branch.remove(found)
    assert branch.items() == []
