"""python -m branches: the environments of branches and pull requests."""

import argparse
import sys
from collections.abc import Sequence

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from branches.account import AwsAccount
from branches.clock import SystemClock
from branches.destroy import destroy
from branches.errors import BranchError
from release.names import InvalidSuffix, validate_suffix


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m branches", description=__doc__)
    top.add_argument("--region", default="us-east-1")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    removing = commands.add_parser("destroy", help="remove everything of one environment, without its code")
    removing.add_argument("--suffix", required=True, type=_suffix)
    removing.add_argument("--permanent", action="store_true", help="also where it is dev, staging or prod")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """0 done, 1 failed or something remains, 2 usage."""
    arguments = parser().parse_args(argv)
    try:
        return _destroy(arguments)
    except (BranchError, ClientError, BotoCoreError) as error:
        say(f"{arguments.command} failed: {error}")
        return 1


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _destroy(arguments: argparse.Namespace) -> int:
    account = AwsAccount(boto3.Session(region_name=arguments.region), arguments.suffix)
    removed = destroy(account, arguments.suffix, clock=SystemClock(), say=say, permanent=arguments.permanent)
    say(f"{arguments.suffix}: {removed}; nothing remains")
    return 0


def _suffix(text: str) -> str:
    try:
        return validate_suffix(text)
    except InvalidSuffix as error:
        raise argparse.ArgumentTypeError(str(error)) from error
