"""Every event of a payment is in the audit bucket, once."""

import json
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from audit_writer.errors import RecordNotWritten
from audit_writer.handler import handler
from tests.functions.cloud import FakeCloud
from tests.functions.system import System

BUCKET = "payment-test-audit"
Written = dict[tuple[str, str], bytes]


@pytest.fixture
def written(cloud: FakeCloud) -> Written:
    return cloud.s3.objects


def _record(number: int, image: dict[str, Any]) -> dict[str, Any]:
    return {"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(number), "NewImage": image}}


def _event(number: int = 1, **more: Any) -> dict[str, Any]:
    image = {"pk": {"S": "PAY#p-1"}, "sk": {"S": f"EVT#{number:06d}"}, "version": {"N": str(number)}, **more}
    return _record(number, image)


def _deliver(*records: dict[str, Any]) -> list[str]:
    """The sequence numbers that the function answers as failed."""
    return [failure["itemIdentifier"] for failure in handler({"Records": list(records)}, None)["batchItemFailures"]]


def test_an_event_is_kept_whole_under_payment_and_version(written: Written) -> None:
    assert _deliver(_event(2, state={"S": "authorized"}, amount_minor={"N": "1099"})) == []
    assert written.keys() == {(BUCKET, "p-1/000002.json")}
    assert json.loads(written[BUCKET, "p-1/000002.json"]) == {
        "payment_id": "p-1",
        "version": 2,
        "state": "authorized",
        "amount_minor": 1099,
    }


def test_an_event_that_comes_twice_is_written_once(written: Written) -> None:
    assert _deliver(_event(1)) == []
    assert _deliver(_event(1), _event(2)) == []
    assert written.keys() == {(BUCKET, "p-1/000001.json"), (BUCKET, "p-1/000002.json")}


def test_a_batch_stops_at_the_first_failure_so_that_order_is_kept(cloud: FakeCloud, written: Written) -> None:
    cloud.s3.failing_key = "p-1/000002.json"
    assert _deliver(_event(1), _event(2), _event(3)) == ["2"]
    assert [key for _, key in written] == ["p-1/000001.json"]
    cloud.s3.failing_key = None
    assert _deliver(_event(2), _event(3)) == []
    assert len(written) == 3


def test_a_batch_that_begins_with_the_failure_fails_whole_so_that_lambda_halves_it(
    cloud: FakeCloud, written: Written
) -> None:
    cloud.s3.failing_key = "p-1/000001.json"
    with pytest.raises(RecordNotWritten):
        _deliver(_event(1), _event(2))
    assert not written


@pytest.mark.parametrize(
    "record",
    [
        _record(1, {"pk": {"S": "PAY#p-1"}, "sk": {"S": "META"}}),
        _record(1, {"pk": {"S": "OTHER#1"}, "sk": {"S": "EVT#000001"}}),
        _record(1, {}),
    ],
)
def test_what_is_no_event_is_not_written(record: dict[str, Any], written: Written) -> None:
    with pytest.raises(RecordNotWritten, match="RecordRefused"):
        _deliver(record)
    assert not written


def test_a_refusal_of_s3_is_no_loss(cloud: FakeCloud, written: Written) -> None:
    cloud.s3.failure = ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "PutObject")
    with pytest.raises(RecordNotWritten, match="ClientError"):
        _deliver(_event(1))
    cloud.s3.failure = None
    assert _deliver(_event(1)) == []
    assert len(written) == 1


def test_a_payments_events_are_what_the_ledger_wrote(system: System, cloud: FakeCloud, written: Written) -> None:
    made = system.pay()
    serialize = TypeSerializer().serialize
    events = [
        {name: serialize(value) for name, value in item.items()}
        for item in cloud.dynamodb.items("transactions")
        if item["sk"].startswith("EVT#")
    ]
    assert _deliver(*(_record(number, image) for number, image in enumerate(events, start=1))) == []
    documents = [json.loads(body) for body in written.values()]
    assert {document["payment_id"] for document in documents} == {made.json["payment_id"]}
    assert [document["state"] for document in documents] == ["received", "authorized"]
    assert "4242424242424242" not in json.dumps(documents)
