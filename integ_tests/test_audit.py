"""Every step of a payment is in the audit bucket, once, and says what the payments table says."""

import json
import time
from typing import Any

import boto3
import pytest

from integ_tests.cards import Card
from integ_tests.client import PaymentClient, payment_body
from integ_tests.environment import Deployed

WRITTEN_WITHIN_SECONDS = 60


def events_of(session: boto3.Session, deployed: Deployed, payment_id: str) -> dict[str, dict[str, Any]]:
    """The payment's events in the table, by the key that each has in the bucket."""
    answer = session.client("dynamodb").query(
        TableName=deployed["TransactionsTableName"],
        KeyConditionExpression="pk = :payment AND begins_with(sk, :event)",
        ExpressionAttributeValues={":payment": {"S": f"PAY#{payment_id}"}, ":event": {"S": "EVT#"}},
        ConsistentRead=True,
    )
    return {f"{payment_id}/{item['sk']['S'].removeprefix('EVT#')}.json": item for item in answer["Items"]}


def records_of(session: boto3.Session, deployed: Deployed, payment_id: str) -> list[str]:
    """The keys of all versions of the payment's audit records."""
    answer = session.client("s3").list_object_versions(Bucket=deployed["AuditBucketName"], Prefix=f"{payment_id}/")
    return sorted(version["Key"] for version in answer.get("Versions", []))


@pytest.fixture
def paid(merchant: PaymentClient, customer_id: str, card: Card) -> dict[str, Any]:
    answer = merchant.pay(payment_body(card, customer_id=customer_id, amount_minor=4321))
    assert answer.status == 201, answer
    document: dict[str, Any] = answer.json()
    return document


def test_every_event_of_a_payment_becomes_one_audit_record(
    session: boto3.Session, deployed: Deployed, paid: dict[str, Any]
) -> None:
    events = events_of(session, deployed, paid["payment_id"])
    assert events
    deadline = time.monotonic() + WRITTEN_WITHIN_SECONDS
    while (found := records_of(session, deployed, paid["payment_id"])) != sorted(events):
        assert time.monotonic() < deadline, f"of {sorted(events)} there are {found}"
        time.sleep(0.5)
    client = session.client("s3")
    for key, event in events.items():
        record = json.loads(client.get_object(Bucket=deployed["AuditBucketName"], Key=key)["Body"].read())
        assert record["payment_id"] == paid["payment_id"]
        assert (record["state"], record["amount_minor"]) == (event["state"]["S"], int(event["amount_minor"]["N"]))


def test_no_audit_record_waits_in_the_queue_of_failures(session: boto3.Session, deployed: Deployed) -> None:
    answer = session.client("sqs").get_queue_attributes(
        QueueUrl=deployed["AuditFailuresQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    assert answer["Attributes"]["ApproximateNumberOfMessages"] == "0"
