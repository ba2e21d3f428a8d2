"""The fake is only worth something if it refuses what DynamoDB refuses."""

from contextlib import nullcontext

import pytest
from botocore.exceptions import ClientError

from tests.functions.dynamodb import FakeDynamoDb


def _put(client: FakeDynamoDb, value: int, condition: str | None = None, **values: dict[str, str]) -> None:
    request: dict[str, object] = {"TableName": "t", "Item": {"pk": {"S": "a"}, "n": {"N": str(value)}}}
    if condition:
        request["ConditionExpression"] = condition
        request["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    client.put_item(**request)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_not_exists(pk)", False),
        ("attribute_not_exists(pk) OR n <= :low", False),
        ("attribute_not_exists(pk) OR n <= :same", True),
        ("n < :same", False),
        ("n > :low AND n <= :same", True),
        ("attribute_not_exists(pk) OR (n = :same AND n > :low)", True),
        ("attribute_not_exists(pk) OR (n = :same AND missing = :same)", False),
    ],
)
def test_conditions_decide_over_the_stored_item(condition: str, holds: bool) -> None:
    client = FakeDynamoDb()
    _put(client, 5)
    with nullcontext() if holds else pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        _put(client, 6, condition, low={"N": "4"}, same={"N": "5"})
    assert client.items("t") == [{"pk": "a", "n": 6 if holds else 5}]


def test_a_transaction_with_one_refusal_writes_nothing() -> None:
    client = FakeDynamoDb()
    _put(client, 5)
    absent = "attribute_not_exists(pk)"
    writes = [
        {"Put": {"TableName": "t", "Item": {"pk": {"S": key}}, "ConditionExpression": absent}} for key in ("b", "a")
    ]
    with pytest.raises(ClientError) as refused:
        client.transact_write_items(TransactItems=writes)
    assert refused.value.response["CancellationReasons"] == [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
    assert client.items("t") == [{"pk": "a", "n": 5}]


@pytest.mark.parametrize(("partition", "at", "refused"), [("p", "2", False), ("p", "1", True), ("q", "2", True)])
def test_a_query_that_starts_outside_of_its_condition_is_refused(partition: str, at: str, *, refused: bool) -> None:
    client = FakeDynamoDb()
    with pytest.raises(ClientError, match="ValidationException") if refused else nullcontext():
        client.query(
            TableName="t",
            KeyConditionExpression="p = :p AND created_at >= :since",
            ExpressionAttributeValues={":p": {"S": "p"}, ":since": {"S": "2"}},
            ExclusiveStartKey={"pk": {"S": "a"}, "p": {"S": partition}, "created_at": {"S": at}},
            Limit=1,
        )
