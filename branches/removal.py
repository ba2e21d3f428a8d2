"""Removing an environment by hand or by the janitor: alone, and with its record."""

from typing import TYPE_CHECKING, Final

import boto3

from branches.account import AwsAccount
from branches.build import LIFE_SECONDS
from branches.destroy import Removed, destroy
from branches.ports import Clock, Say
from branches.records import Record, Records, lease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOBODY: Final = "nobody"
"""Whose an environment without a record is, while it is being removed."""


def recorded(client: "DynamoDBClient") -> dict[str, Record]:
    """The records of the account by suffix; none where branches have never been set up."""
    try:
        return {record.suffix: record for record in Records(client).all()}
    except client.exceptions.ResourceNotFoundException:
        return {}


def remove(session: "boto3.Session", suffix: str, ref: str, *, holder: str, clock: Clock, say: Say) -> Removed:
    """Wait until no build works on the environment, remove it and its record. Raises `BranchError`."""
    records, until = Records(session.client("dynamodb")), clock.now() + LIFE_SECONDS
    with lease(records, suffix, ref, holder=holder, lives_until=until, clock=clock, say=say):
        removed = destroy(AwsAccount(session, suffix), suffix, clock=clock, say=say)
        records.forget(suffix, holder=holder)
    return removed
