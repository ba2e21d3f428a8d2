"""Where decisions are kept and told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

from release.aws.events import DecisionLog
from release.model import Event

EVENT = Event(
    environment="dev",
    at="2026-01-02T03:04:05.000+00:00",
    command="shift",
    decision="weight set",
    words="10 %",
    by="a build",
)


@pytest.fixture
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="222222222222", aws_secret_access_key="local", region_name="us-east-1")


@contextmanager
def telling(session: boto3.Session, *, bucket_fails: str | None = None) -> Iterator[tuple[DecisionLog, list[str]]]:
    """A log whose clients answer one event each."""
    table, bucket, topic, sts = (
        session.client("dynamodb"),
        session.client("s3"),
        session.client("sns"),
        session.client("sts"),
    )
    lines: list[str] = []
    with Stubber(table) as tables, Stubber(bucket) as buckets, Stubber(topic) as topics, Stubber(sts) as identities:
        item = {"pk": {"S": "event"}, "sk": ANY, "event": ANY}
        tables.add_response("put_item", {}, {"TableName": "payment-dev-releases", "Item": item})
        identities.add_response("get_caller_identity", {"Account": "222222222222"})
        if bucket_fails:
            buckets.add_client_error("put_object", bucket_fails)
        else:
            kept = {"Bucket": "payment-dev-audit-222222222222", "Key": ANY, "Body": ANY, "ContentType": ANY}
            buckets.add_response("put_object", {}, kept)
        posted = {
            "TopicArn": "arn:aws:sns:us-east-1:222222222222:payment-dev-releases",
            "Subject": "dev: shift weight set",
            "Message": json.dumps(asdict(EVENT)),
            "MessageAttributes": {"decision": {"DataType": "String", "StringValue": "weight set"}},
        }
        topics.add_response("publish", {"MessageId": "1"}, posted)
        yield (
            DecisionLog(
                table=table,
                bucket=bucket,
                topic=topic,
                identity=sts,
                suffix="dev",
                region="us-east-1",
                progress=lines.append,
            ),
            lines,
        )
        for stub in (tables, buckets, topics, identities):
            stub.assert_no_pending_responses()


def test_a_decision_is_kept_in_the_table_and_the_bucket_and_posted(session: boto3.Session) -> None:
    with telling(session) as (log, lines):
        log.tell(EVENT)
    assert lines == []


def test_a_bucket_that_is_not_there_keeps_nobody_from_being_notified(session: boto3.Session) -> None:
    with telling(session, bucket_fails="NoSuchBucket") as (log, lines):
        log.tell(EVENT)
    assert "NoSuchBucket" in lines[0]


def test_a_decision_that_the_table_does_not_take_is_an_error(session: boto3.Session) -> None:
    table = session.client("dynamodb")
    log = DecisionLog(
        table=table,
        bucket=session.client("s3"),
        topic=session.client("sns"),
        identity=session.client("sts"),
        suffix="dev",
        region="us-east-1",
        progress=print,
    )
    with Stubber(table) as tables:
        tables.add_client_error("put_item", "ResourceNotFoundException")
        with pytest.raises(ClientError):
            log.tell(EVENT)
