"""The nightly round of the janitor through one account."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from branches.account import SUFFIX_TAG
from branches.clock import SystemClock
from branches.composition import repository_of
from branches.errors import BranchError
from branches.janitor import judge
from branches.ports import Say
from branches.removal import NOBODY, recorded, remove
from release.names import InvalidSuffix, validate_suffix
from release.suffix import is_permanent

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_HOLDER: Final = "janitor"


def sweep(session: "boto3.Session", variables: Mapping[str, str], *, dry_run: bool, say: Say) -> int:
    """Remove what nobody needs, or say with `dry_run` what would go and why; returns how many could not be removed."""
    clock, known = SystemClock(), recorded(session.client("dynamodb"))
    refs = {record.ref for record in known.values()}
    heads = {ref: repository_of(ref, variables).head(ref) for ref in sorted(refs)}
    verdicts = judge(known.values(), present=present_suffixes(session), heads=heads, now=clock.now())
    failures = 0
    for verdict in verdicts:
        if not verdict.reason:
            say(f"{verdict.suffix} stays")
            continue
        say(f"{verdict.suffix} {'would go' if dry_run else 'goes'}: {verdict.reason}")
        if dry_run:
            continue
        ref = known[verdict.suffix].ref if verdict.suffix in known else f"{NOBODY}/{verdict.suffix}"
        try:
            removed = remove(session, verdict.suffix, ref, holder=_HOLDER, clock=clock, say=say)
        except (BranchError, ClientError) as error:
            say(f"{verdict.suffix} failed: {error}")
            failures += 1
            continue
        say(f"{verdict.suffix}: {removed}")
    return failures


def present_suffixes(session: "boto3.Session") -> set[str]:
    """Every suffix that a stack's tag, a parameter or a secret of the account names."""
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
