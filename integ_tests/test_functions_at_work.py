"""The functions that no request reaches do what they are there for, with the permissions that they have.

Each call is one that changes nothing here: all migrations are applied, no payment is old enough to be swept,
and a rotation to the version that is current already is done.
"""

import json
from typing import Any

import boto3

from integ_tests.environment import Deployed
from release import names


def invoke(session: boto3.Session, deployed: Deployed, name: str, event: dict[str, Any]) -> Any:
    """What the function answered. Fails when it raised."""
    function = names.function(deployed.suffix, name)
    answer: Any = session.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    document = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, f"{function}: {document['errorType']}: {document['errorMessage']}"
    return document


def test_the_migration_finds_everything_applied(session: boto3.Session, deployed: Deployed) -> None:
    assert invoke(session, deployed, "migration", {"operation": "migrate"}) == {"applied": [], "pending": 0}


def test_the_sweeper_looks_for_payments_without_an_outcome(session: boto3.Session, deployed: Deployed) -> None:
    assert set(invoke(session, deployed, "sweeper", {})) == {"settled", "unsettled"}


def test_the_rotation_knows_the_current_login(session: boto3.Session, deployed: Deployed) -> None:
    secret = session.client("secretsmanager").describe_secret(SecretId=deployed["DatabaseSecretArn"])
    current = next(version for version, stages in secret["VersionIdsToStages"].items() if "AWSCURRENT" in stages)
    event = {"SecretId": secret["ARN"], "ClientRequestToken": current, "Step": "testSecret"}
    assert invoke(session, deployed, "rotation", event) is None
