"""SNS topics: the key, which ministack's template type drops."""

from __future__ import annotations

from local.engine.registry import Registry, Resource


def register(registry: Registry) -> None:
    registry.after("AWS::SNS::Topic", set_key)
    registry.supports("AWS::SNS::Topic", {"KmsMasterKeyId"})


def set_key(resource: Resource) -> None:
    key = resource.properties.get("KmsMasterKeyId", "")
    if key != resource.previous.get("KmsMasterKeyId", ""):
        resource.client("sns").set_topic_attributes(
            TopicArn=resource.physical_id, AttributeName="KmsMasterKeyId", AttributeValue=key
        )
