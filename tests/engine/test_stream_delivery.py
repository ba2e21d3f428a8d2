"""A table's stream and the function that reads it: in order, at least once, and past what can never succeed.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.embedded import EmbeddedAws, Stack, eventually
from tests.engine.test_functions import function, role

SOURCE = """
import boto3, os

def handler(event, context):
    s3, failures = boto3.client("s3"), []
    for position, record in enumerate(event["Records"]):
        image, number = record["dynamodb"]["NewImage"], record["dynamodb"]["SequenceNumber"]
        name = image["sk"]["S"]
        if name.startswith("EVT#bad"):
            if position == 0:
                raise ValueError("cannot be written")
            return {"batchItemFailures": [{"itemIdentifier": number}]}
        s3.put_object(Bucket=os.environ["BUCKET"], Key=name, Body=b"{}", IfNoneMatch="*")
    return {"batchItemFailures": []}
"""
TAGS = [{"Key": "Project", "Value": "payment"}]
ONLY_EVENTS = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "EVT#"}]}}}}


def resources(bucket: str) -> dict[str, Any]:
    allow = {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": f"arn:aws:s3:::{bucket}/*"}
    writer = role()
    writer["Properties"]["Policies"] = [
        {"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow]}}
    ]
    keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
    return {
        "Role": writer,
        "Function": function(SOURCE, Environment={"Variables": {"BUCKET": bucket}}, ReservedConcurrentExecutions=2),
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"MessageRetentionPeriod": 1209600, "Tags": TAGS}},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "KeySchema": keys,
                "AttributeDefinitions": [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in keys],
                "BillingMode": "PAY_PER_REQUEST",
                "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            },
        },
        "Source": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Table", "StreamArn"]},
                "FunctionName": {"Fn::GetAtt": ["Function", "Arn"]},
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 10,
                "BisectBatchOnFunctionError": True,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "MaximumRetryAttempts": 2,
                "FilterCriteria": {"Filters": [{"Pattern": json.dumps(ONLY_EVENTS)}]},
                "DestinationConfig": {"OnFailure": {"Destination": {"Fn::GetAtt": ["Queue", "Arn"]}}},
                "Tags": TAGS,
            },
        },
    }


@pytest.fixture
def stack(engine: EmbeddedAws, account: str) -> Stack:
    return engine.deploy(resources(f"records-{account}"), account=account)


def test_events_arrive_past_the_one_that_can_never_be_written(engine: EmbeddedAws, account: str, stack: Stack) -> None:
    table, bucket, queue = (stack.resources[name] for name in ("Table", "Bucket", "Queue"))
    names = ["META", "EVT#1", "EVT#2", "EVT#bad", "EVT#3", "EVT#4"]
    engine.client("dynamodb", account=account).transact_write_items(
        TransactItems=[{"Put": {"TableName": table, "Item": {"pk": {"S": "p"}, "sk": {"S": name}}}} for name in names]
    )
    s3, sqs = engine.client("s3", account=account), engine.client("sqs", account=account)

    def written() -> list[str]:
        return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    eventually(lambda: written() == ["EVT#1", "EVT#2", "EVT#3", "EVT#4"])
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages", []))
    failure = json.loads(message["Body"])
    assert failure["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert failure["DDBStreamBatchInfo"]["batchSize"] == 1
    assert failure["DDBStreamBatchInfo"]["startSequenceNumber"] == failure["DDBStreamBatchInfo"]["endSequenceNumber"]


def test_queue_and_event_source_have_what_the_template_says(engine: EmbeddedAws, account: str, stack: Stack) -> None:
    attributes = engine.client("sqs", account=account).get_queue_attributes(
        QueueUrl=stack.resources["Queue"], AttributeNames=["MessageRetentionPeriod"]
    )["Attributes"]
    assert attributes == {"MessageRetentionPeriod": "1209600"}
    lambda_ = engine.client("lambda", account=account)
    (source,) = lambda_.list_event_source_mappings()["EventSourceMappings"]
    assert source["BisectBatchOnFunctionError"] in (True, "true")
    assert lambda_.list_tags(Resource=source["EventSourceMappingArn"])["Tags"] == {"Project": "payment"}
