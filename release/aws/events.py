"""Where decisions are kept and told: the ledger's table, the audit bucket, and a topic."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from release.model import Event
from release.names import audit_bucket, release_table, releases_topic

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sts import STSClient

_EVENTS = "event"
_SUBJECT_CHARACTERS = 100


class DecisionLog:
    """The table comes first, and a decision that it does not take is an error. A bucket or topic that fails is said in
    the progress: traffic that has to go back does not wait for it. The bucket is the environment's own, so what was
    decided before its first deployment is in the table only."""

    def __init__(
        self,
        *,
        table: "DynamoDBClient",
        bucket: "S3Client",
        topic: "SNSClient",
        identity: "STSClient",
        suffix: str,
        region: str,
        progress: Callable[[str], None],
    ) -> None:
        self._table, self._bucket, self._topic, self._identity = table, bucket, topic, identity
        self._suffix, self._region, self._progress = suffix, region, progress
        self._account: str | None = None

    def tell(self, event: Event) -> None:
        body = json.dumps(asdict(event))
        name = f"{event.at}-{uuid4().hex[:8]}"
        self._table.put_item(
            TableName=release_table(self._suffix),
            Item={"pk": {"S": _EVENTS}, "sk": {"S": name}, "event": {"S": body}},
        )
        for keep in (self._keep, self._post):
            try:
                keep(event, name, body)
            except (ClientError, BotoCoreError) as error:
                self._progress(f"not told everywhere: {error}")

    def _keep(self, event: Event, name: str, body: str) -> None:
        self._bucket.put_object(
            Bucket=audit_bucket(self._suffix, self._own_account()),
            Key=f"releases/{event.at[:10]}/{name}.json",
            Body=body.encode(),
            ContentType="application/json",
        )

    def _post(self, event: Event, _name: str, body: str) -> None:
        self._topic.publish(
            TopicArn=f"arn:aws:sns:{self._region}:{self._own_account()}:{releases_topic(self._suffix)}",
            Subject=f"{event.environment}: {event.command} {event.decision}"[:_SUBJECT_CHARACTERS],
            Message=body,
            MessageAttributes={"decision": {"DataType": "String", "StringValue": event.decision}},
        )

    def _own_account(self) -> str:
        if self._account is None:
            self._account = self._identity.get_caller_identity()["Account"]
        return self._account
