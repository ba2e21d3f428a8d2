"""What is refused for being too much at once, and that CloudWatch knows of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.engine.embedded import EmbeddedAws, eventually
from tests.engine.test_functions import function, role


def total(engine: EmbeddedAws, account: str, metric: str, *, statistic: str = "Sum", **dimensions: str) -> float:
    namespace, name = metric.rsplit("/", 1)
    points = engine.client("cloudwatch", account=account).get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=datetime.now(UTC) - timedelta(minutes=5),
        EndTime=datetime.now(UTC) + timedelta(minutes=5),
        Period=3600,
        Statistics=[statistic],
    )["Datapoints"]
    return float(sum(point[statistic] for point in points))


def once(engine: EmbeddedAws, account: str, service: str) -> Any:
    """A client that takes no for an answer."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=engine.endpoint,
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_reserved_concurrency_refuses_one_call_too_many(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html: a throttled call is no invocation."""
    engine.deploy({"Role": role(), "Function": function(Timeout=10, ReservedConcurrentExecutions=1)}, account=account)
    client = once(engine, account, "lambda")

    def call(_: int) -> str:
        try:
            client.invoke(FunctionName="pay", Payload=json.dumps({"sleep": 0.5}))
        except client.exceptions.TooManyRequestsException as refused:
            return f"{refused.response['ResponseMetadata']['HTTPStatusCode']} {refused.response['Reason']}"
        return "ran"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(call, range(2)))

    assert outcomes == ["429 ReservedFunctionConcurrentInvocationLimitExceeded", "ran"]
    counted = {
        name: total(engine, account, f"AWS/Lambda/{name}", FunctionName="pay")
        for name in ("Throttles", "Invocations", "Errors")
    }
    assert counted == {"Throttles": 1, "Invocations": 1, "Errors": 0}
    assert total(engine, account, "AWS/Lambda/ConcurrentExecutions", statistic="Maximum", FunctionName="pay") == 1
    assert total(engine, account, "AWS/Lambda/ConcurrentExecutions", statistic="Maximum") == 1


def table(engine: EmbeddedAws, account: str, **throughput: Any) -> Any:
    client = once(engine, account, "dynamodb")
    client.create_table(
        TableName="payments",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        **throughput,
    )
    return client


def put(client: Any, number: int) -> None:
    client.put_item(TableName="payments", Item={"id": {"S": str(number)}})


def test_an_on_demand_table_is_throttled_at_its_maximum_only(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/throttling-ondemand-capacity-exceeded-mitigation.html"""
    client = table(engine, account, BillingMode="PAY_PER_REQUEST")
    for number in range(5):
        put(client, number)

    client.update_table(TableName="payments", OnDemandThroughput={"MaxWriteRequestUnits": 1})
    put(client, 5)
    with pytest.raises(ClientError, match="ThrottlingException") as refused:
        put(client, 6)
    assert client.get_item(TableName="payments", Key={"id": {"S": "0"}})["Item"]  # reads have no maximum

    response: Any = refused.value.response
    assert response["throttlingReasons"][0]["reason"] == "TableWriteMaxOnDemandThroughputExceeded"
    assert total(engine, account, "AWS/DynamoDB/ThrottledRequests", TableName="payments", Operation="PutItem") == 1
    assert total(engine, account, "AWS/DynamoDB/WriteThrottleEvents", TableName="payments") == 1
    client.update_table(TableName="payments", OnDemandThroughput={"MaxWriteRequestUnits": -1})
    put(client, 7)


def test_a_provisioned_table_is_throttled_when_five_minutes_of_capacity_are_used(
    engine: EmbeddedAws, account: str
) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html"""
    client = table(engine, account, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    twenty_five = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(25)]

    for _ in range(300 // 25):
        client.batch_write_item(RequestItems={"payments": twenty_five})
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException):
        client.batch_write_item(RequestItems={"payments": twenty_five * 2})
    assert total(engine, account, "AWS/DynamoDB/WriteThrottleEvents", TableName="payments") == 1


def test_errors_of_asynchronous_calls_are_counted(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: tried three times."""
    engine.deploy({"Role": role(), "Function": function()}, account=account)
    engine.client("lambda", account=account).invoke(
        FunctionName="pay", InvocationType="Event", Payload=json.dumps({"raise": True})
    )

    eventually(lambda: total(engine, account, "AWS/Lambda/Errors", FunctionName="pay") >= 1)
