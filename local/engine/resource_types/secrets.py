"""Secrets Manager: rotation schedules and resource policies."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from local.engine.registry import Provisioned, Registry, Resource
from local.engine.resource_types.values import boolean, present


def register(registry: Registry) -> None:
    registry.resource_type(
        "AWS::SecretsManager::RotationSchedule",
        create=schedule,
        update=schedule,
        delete=unschedule,
        properties={"RotateImmediatelyOnUpdate", "RotationLambdaARN", "RotationRules", "SecretId"},
    )
    registry.resource_type(
        "AWS::SecretsManager::ResourcePolicy",
        create=put_policy,
        update=put_policy,
        delete=lambda resource: resource.client("secretsmanager").delete_resource_policy(
            SecretId=resource.properties["SecretId"]
        ),
        properties={"BlockPublicPolicy", "ResourcePolicy", "SecretId"},
    )


def schedule(resource: Resource) -> Provisioned:
    properties = resource.properties
    answered = resource.client("secretsmanager").rotate_secret(
        SecretId=properties["SecretId"],
        RotateImmediately=boolean(properties.get("RotateImmediatelyOnUpdate", True)),
        **present(properties, "RotationLambdaARN"),
        **({"RotationRules": _rules(properties["RotationRules"])} if properties.get("RotationRules") else {}),
    )
    return Provisioned(physical_id=answered["ARN"], attributes={"Id": answered["ARN"]})


def _rules(rules: dict[str, Any]) -> dict[str, Any]:
    days = {"AutomaticallyAfterDays": int(rules["AutomaticallyAfterDays"])} if "AutomaticallyAfterDays" in rules else {}
    return {**present(rules, "Duration", "ScheduleExpression"), **days}


def unschedule(resource: Resource) -> None:
    """Turn rotation off; the operator may have removed the secret before."""
    try:
        resource.client("secretsmanager").cancel_rotate_secret(SecretId=resource.properties["SecretId"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


def put_policy(resource: Resource) -> Provisioned:
    answered = resource.client("secretsmanager").put_resource_policy(
        SecretId=resource.properties["SecretId"], ResourcePolicy=json.dumps(resource.properties["ResourcePolicy"])
    )
    return Provisioned(physical_id=answered["ARN"], attributes={"Id": answered["ARN"]})
