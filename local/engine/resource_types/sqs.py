"""SQS queues: how long they keep messages, which ministack's template type drops."""

from __future__ import annotations

from local.engine.registry import Registry, Resource

FOUR_DAYS = 345600


def register(registry: Registry) -> None:
    registry.after("AWS::SQS::Queue", set_retention)
    registry.supports("AWS::SQS::Queue", {"MessageRetentionPeriod"})


def set_retention(resource: Resource) -> None:
    seconds = resource.properties.get("MessageRetentionPeriod", FOUR_DAYS)
    resource.client("sqs").set_queue_attributes(
        QueueUrl=resource.physical_id, Attributes={"MessageRetentionPeriod": str(seconds)}
    )
