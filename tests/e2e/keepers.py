"""Everything that anybody keeps of a payment, as bytes: to be searched for what must not be there."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer

from local.engine.places import database_root
from local.engine.postgres_programs import find_programs
from local.merchant import Answer
from release import names
from tests.e2e.outage import Database
from tests.e2e.trial import Trial, wait_for

Kept = tuple[str, bytes]

# PostgreSQL's own programs take their version from the cluster.
POSTGRES_VERSION = "16"
LISTENER = "card-data-sweep"
CODE = {".py", ".pyc"}
# The load balancer writes every half minute.
LOGGED_WITHIN_SECONDS = 90.0


def everything(trial: Trial, *, since: float) -> Iterator[Kept]:
    """`since` (seconds since 1970) leaves out files of the engine that have not changed; all else is whole."""
    session = trial.environment.session()
    yield from log_groups(session)
    yield from tables(session)
    yield from streams(session)
    yield from buckets(session)
    yield from queues(session)
    yield from metrics(session)
    yield "parameters", json.dumps(trial.parameters()).encode()
    yield database_dump(trial)
    yield from files(trial, since=since)


def log_groups(session: boto3.Session) -> Iterator[Kept]:
    """Of functions, API, network and deployments alike."""
    logs = session.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            events = logs.get_paginator("filter_log_events").paginate(logGroupName=name)
            lines = (event["message"] for events_page in events for event in events_page["events"])
            yield f"log group {name}", "\n".join(lines).encode()


def tables(session: boto3.Session) -> Iterator[Kept]:
    dynamodb = session.client("dynamodb")
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            pages = dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
            yield f"table {name}", _text([_plain(item) for items in pages for item in items["Items"]])


def streams(session: boto3.Session) -> Iterator[Kept]:
    """What the tables' streams still hold."""
    client = session.client("dynamodbstreams")
    for stream in client.list_streams()["Streams"]:
        arn = stream["StreamArn"]
        for shard in client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator: str | None = client.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while iterator:
                answer = client.get_records(ShardIterator=iterator)
                images = [record["dynamodb"].get(i) for record in answer["Records"] for i in ("OldImage", "NewImage")]
                yield f"stream of {stream['TableName']}", _text([_plain(image) for image in images if image])
                iterator = answer.get("NextShardIterator") if answer["Records"] else None


def buckets(session: boto3.Session) -> Iterator[Kept]:
    """Every version of every object."""
    s3 = session.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for version in page.get("Versions", []):
                found = s3.get_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
                yield f"bucket {name}", _text([version["Key"], found["Metadata"]])
                yield f"bucket {name}", found["Body"].read()  # by itself: what is packed is known by how it begins


def listen(session: boto3.Session) -> None:
    """Have a queue of our own get all that the topics tell, from now on."""
    sqs, sns = session.client("sqs"), session.client("sns")
    url = sqs.create_queue(QueueName=LISTENER)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    from_topics = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        },
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(from_topics)})
    for page in sns.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn)


def queues(session: boto3.Session) -> Iterator[Kept]:
    """All messages that wait, those of `listen` included. They are taken out."""
    sqs = session.client("sqs")
    for url in sqs.list_queues().get("QueueUrls", []):
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield f"queue {url.rpartition('/')[2]}", _text(messages)


def metrics(session: boto3.Session) -> Iterator[Kept]:
    """Names and dimensions; values are numbers of payments."""
    for page in session.client("cloudwatch").get_paginator("list_metrics").paginate():
        yield "metrics", _text(page["Metrics"])


def database_dump(trial: Trial) -> Kept:
    """What pg_dump writes of the whole database."""
    database = Database(session=trial.environment.session(), suffix=trial.suffix)
    login = database.login("admin")
    done = subprocess.run(
        [
            str(find_programs(POSTGRES_VERSION, trial.environment.home / "postgres").folder / "bin" / "pg_dump"),
            *("--host", "127.0.0.1", "--port", str(_server_port(trial))),
            *("--username", login["username"], "--dbname", database.configured("name")),
        ],
        env={**os.environ, "PGPASSWORD": login["password"]},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"COPY public.customers" in done.stdout
    return "database dump", done.stdout


def _server_port(trial: Trial) -> int:
    """Of the writer itself: pg_dump of the wheel speaks no TLS, which stands before it."""
    database = Database(session=trial.environment.session(), suffix=trial.suffix)
    with database.connect() as connection:
        (port,) = connection.execute("select setting::int from pg_settings where name = 'port'").fetchone() or (0,)
    return int(port)


def files(trial: Trial, *, since: float) -> Iterator[Kept]:
    """The engine's own: its log, what functions write, and the databases' files, write-ahead logs and logs."""
    state = trial.environment.state_dir
    for root in (state, database_root(state)):
        for path in root.rglob("*"):
            # What was deployed names the sandbox's own numbers.
            if path.suffix in CODE or not path.is_file() or path.is_symlink():
                continue
            if _changed(path, since):
                yield f"file {path.relative_to(root)}", path.read_bytes()


def _changed(path: Path, since: float) -> bool:
    try:
        return path.stat().st_mtime >= since
    except FileNotFoundError:
        return False


def wait_for_logs(trial: Trial, last: Answer) -> None:
    """Return when both access logs, which are written in batches, have come to this request, and so to all before it.

    `last` went the whole road, to a function.
    """
    session, request_id = trial.environment.session(), last.headers["x-amzn-requestid"]
    trace = re.search("Root=[0-9a-f-]+", last.headers["x-amzn-trace-id"])
    assert trace, "the answer does not say how the load balancer knows its request"
    since = datetime.now(UTC) - timedelta(seconds=LOGGED_WITHIN_SECONDS)

    def at_the_gateway() -> bool:
        pages = (
            session.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=f"/payment/{trial.suffix}/api-access", startTime=int(since.timestamp() * 1000))
        )
        return any(request_id in event["message"] for page in pages for event in page["events"])

    def at_the_load_balancer() -> bool:
        bucket = names.access_logs_bucket(trial.suffix, trial.environment.target.account)
        s3 = session.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="load-balancer/")
        fresh = [each["Key"] for page in pages for each in page.get("Contents", []) if each["LastModified"] >= since]
        return any(
            trace[0].encode() in gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            for key in fresh
            if key.endswith(".log.gz")
        )

    for arrived, where in ((at_the_gateway, "API Gateway"), (at_the_load_balancer, "the load balancer")):
        wait_for(arrived, within=LOGGED_WITHIN_SECONDS, every=0.5, what=f"the last request in {where}'s access log")


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """With numbers as numbers, which DynamoDB writes as texts, and under their own names."""
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def _text(value: Any) -> bytes:
    return json.dumps(value, default=_jsonable).encode()


def _jsonable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value.hex() if isinstance(value, bytes) else str(value)
