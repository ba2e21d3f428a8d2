"""python -m branches: the environments of branches and pull requests."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from branches import composition
from branches.account import AwsAccount
from branches.build import handle
from branches.clock import SystemClock
from branches.cost import idle_cost
from branches.destroy import destroy, refuse_permanent
from branches.errors import BranchError
from branches.records import Records
from branches.removal import holder_of, recorded, remove
from branches.room import room
from branches.sweep import sweep
from release.names import InvalidSuffix, validate_suffix
from release.suffix import is_permanent


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m branches", description=__doc__)
    top.add_argument("--region", default="us-east-1")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    removing = commands.add_parser("destroy", help="remove everything of one environment, without its code")
    removing.add_argument("--suffix", required=True, type=_suffix)
    removing.add_argument("--permanent", action="store_true", help="also where it is dev, staging or prod")
    commands.add_parser("build", help="what a webhook's build does: make, update or remove what the branch needs")
    tidying = commands.add_parser("janitor", help="remove the environments that nobody needs any more")
    tidying.add_argument("--dry-run", action="store_true", help="only say what would go, and why")
    pricing = commands.add_parser("cost", help="what a synthesized environment costs while nobody uses it")
    pricing.add_argument("--assembly", type=Path, required=True, help="the folder that it was synthesized into")
    commands.add_parser("list", help="the environments of all branches")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """0 done, 1 failed or something remains, 2 usage."""
    arguments = parser().parse_args(argv)
    try:
        return _COMMANDS[arguments.command](arguments)
    except (BranchError, ClientError, BotoCoreError) as error:
        say(f"{arguments.command} failed: {error}")
        return 1


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _destroy(arguments: argparse.Namespace) -> int:
    session, suffix, clock = boto3.Session(region_name=arguments.region), arguments.suffix, SystemClock()
    refuse_permanent(suffix, permanent=arguments.permanent)
    record = None if is_permanent(suffix) else recorded(session.client("dynamodb")).get(suffix)
    if record is None:
        account = AwsAccount(session, suffix)
        removed = destroy(account, suffix, clock=clock, say=say, look=lambda: None, permanent=arguments.permanent)
    else:
        by_hand = holder_of(f"{os.environ.get('USER', 'somebody')}, by hand")
        removed = remove(session, suffix, record.ref, holder=by_hand, clock=clock, say=say)
    say(f"{arguments.suffix}: {removed}; nothing {'else ' if removed.left else ''}remains")
    return 0


def _build(arguments: argparse.Namespace) -> int:
    change, made = composition.from_webhook(os.environ, region=arguments.region, say=say)
    say(f"{change.ref} at {change.commit[:8]} has the environment {change.suffix}")
    say(handle(change, made))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    records = Records(boto3.Session(region_name=arguments.region).client("dynamodb")).all()
    if not records:
        say("there are no environments of branches")
    for record in records:
        work = f"  {record.holder} works on it" if record.holder else ""
        until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(record.lives_until))
        say(f"{record.suffix:<13}{record.ref:<28}{record.commit[:8] or '-':<9} until {until}  {record.url}{work}")
    return 0


def _janitor(arguments: argparse.Namespace) -> int:
    failures = sweep(composition.nightly(os.environ, region=arguments.region, say=say), dry_run=arguments.dry_run)
    return 1 if failures else 0


def _cost(arguments: argparse.Namespace) -> int:
    cost = idle_cost(arguments.assembly)
    for what, dollars in sorted(cost.dollars_per_month.items(), key=lambda part: -part[1]):
        say(f"{dollars:8.2f} $/month  {what}")
    say(f"idle, a day: {cost}")
    fits = sorted(room(arguments.assembly).items(), key=lambda quota: quota[1])
    say("room in an account with AWS's default quotas: " + ", ".join(f"{number} ({name})" for name, number in fits[:3]))
    return 0


_COMMANDS: Final = {"cost": _cost, "destroy": _destroy, "build": _build, "list": _list, "janitor": _janitor}


def _suffix(text: str) -> str:
    try:
        return validate_suffix(text)
    except InvalidSuffix as error:
        raise argparse.ArgumentTypeError(str(error)) from error
