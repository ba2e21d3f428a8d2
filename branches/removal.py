"""Removing an environment by hand: alone, and with its record."""

import uuid
from typing import TYPE_CHECKING

import boto3

from branches.account import AwsAccount
from branches.build import LIFE_SECONDS
from branches.destroy import Removed, destroy
from branches.errors import NotSetUp
from branches.ports import Clock, Say
from branches.records import Record, Records, lease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def recorded(client: "DynamoDBClient") -> dict[str, Record]:
    """The records of the account by suffix; none where branches have never been set up."""
    try:
        return {record.suffix: record for record in Records(client).all()}
    except NotSetUp:
        return {}


def holder_of(who: str) -> str:
    """Who holds a lease, this once: two at once never share one."""
    return f"{who} {uuid.uuid4().hex[:8]}"


def remove(session: "boto3.Session", suffix: str, ref: str, *, holder: str, clock: Clock, say: Say) -> Removed:
    """Wait until no build works on the environment, remove it and its record. Raises `BranchError`."""
    records, until = Records(session.client("dynamodb")), clock.now() + LIFE_SECONDS
    with lease(records, suffix, ref, holder=holder, lives_until=until, clock=clock, say=say) as held:
        removed = destroy(AwsAccount(session, suffix), suffix, clock=clock, say=say, look=held)
        records.forget(suffix, holder=holder)
    return removed
