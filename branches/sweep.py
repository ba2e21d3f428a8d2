"""The nightly round of the janitor through one account. Looks at what is there, not only at what is recorded."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from branches.account import SUFFIX_TAG
from branches.destroy import Removed
from branches.errors import BranchError, Occupied
from branches.janitor import reason_to_go
from branches.ports import Clock, Look, Say
from branches.records import Record, Records, lease, nobody
from release.names import InvalidSuffix, validate_suffix
from release.suffix import is_permanent

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# Of an hour at most each; more would meet CloudFormation's limit of calls.
_AT_ONCE: Final = 4


@dataclass(frozen=True, kw_only=True)
class Round:
    """Everything outside: tests bring their own. `holder` is this round's alone; `destroy` is called by threads."""

    records: Records
    present: Callable[[], set[str]]
    head: Callable[[str], str | None]
    destroy: Callable[[str, Look], Removed]
    holder: str
    clock: Clock
    say: Say


def sweep(world: Round, *, dry_run: bool) -> int:
    """Remove what nobody needs, or say with `dry_run` what would go and why.

    Returns how many environments could not be judged or removed: one of them keeps none of the others.
    Raises `NotSetUp`.
    """
    known = {record.suffix: record for record in world.records.all()}
    suffixes = sorted(suffix for suffix in {*known, *world.present()} if not is_permanent(suffix))
    if not suffixes:
        world.say("there are no environments of branches")
    going, failures = [], 0
    for suffix in suffixes:
        try:
            reason = reason_to_go(known.get(suffix), head=world.head, now=world.clock.now())
        except BranchError as error:
            world.say(f"{suffix} stays, since nobody says whether it is needed: {error}")
            failures += 1
            continue
        world.say(f"{suffix} {'would go' if dry_run else 'goes'}: {reason}" if reason else f"{suffix} stays")
        if reason:
            going.append((suffix, known.get(suffix)))
    if dry_run:
        return failures
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return failures + list(pool.map(functools.partial(_removed, world), going)).count(False)


def _removed(world: Round, condemned: tuple[str, Record | None]) -> bool:
    """Judge again, for hours may have passed, and remove. False where that failed."""
    suffix, record = condemned
    ref = record.ref if record else nobody(suffix)
    now = world.clock.now
    try:
        # A record that only this claim makes lives no longer than the claim.
        with lease(
            world.records, suffix, ref, holder=world.holder, lives_until=now(), clock=world.clock, say=world.say
        ) as held:
            found = world.records.find(suffix)
            if not reason_to_go(found, head=world.head, now=now(), holder=world.holder):
                world.say(f"{suffix} stays: it is needed again")
                return True
            removed = world.destroy(suffix, held)
            world.records.forget(suffix, holder=world.holder)
    except Occupied as somebody:
        world.say(f"{suffix} stays: {somebody}")
    except (BranchError, BotoCoreError, ClientError) as error:
        world.say(f"{suffix} failed: {error}")
        return False
    else:
        world.say(f"{suffix}: {removed}")
    return True


def present_suffixes(session: "boto3.Session") -> set[str]:
    """Every suffix that a stack's tag, a parameter or a secret of the account names; secrets as of minutes ago."""
    found = set(_tagged(session.client("cloudformation")))
    for page in (
        session.client("ssm").get_paginator("get_parameters_by_path").paginate(Path="/payment/", Recursive=True)
    ):
        found |= {parameter["Name"].split("/")[2] for parameter in page["Parameters"]}
    for secrets in session.client("secretsmanager").get_paginator("list_secrets").paginate():
        found |= {s["Name"].split("/")[1] for s in secrets["SecretList"] if s["Name"].startswith("payment/")}
    return {suffix for suffix in found if _valid(suffix) and not is_permanent(suffix)}


def _tagged(client: "CloudFormationClient") -> list[str]:
    pages = client.get_paginator("describe_stacks").paginate()
    stacks = [stack for page in pages for stack in page["Stacks"] if stack["StackStatus"] != "DELETE_COMPLETE"]
    return [tag["Value"] for stack in stacks for tag in stack.get("Tags", []) if tag["Key"] == SUFFIX_TAG]


def _valid(suffix: str) -> bool:
    try:
        validate_suffix(suffix)
    except InvalidSuffix:
        return False
    return True
