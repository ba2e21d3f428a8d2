"""Template types that ministack lacks and properties that it drops: one module per service."""

from __future__ import annotations

from local.engine.registry import Registry
from local.engine.resource_types import (
    cloudwatch,
    dynamodb,
    ec2,
    functions,
    iam,
    ipv6,
    layers,
    logs,
    rds,
    s3,
    secrets,
    sns,
    sqs,
    waf,
)

SERVICES = (iam, ec2, ipv6, s3, dynamodb, functions, layers, secrets, rds, sns, sqs, waf, cloudwatch, logs)


def register(registry: Registry) -> None:
    for service in SERVICES:
        service.register(registry)
