"""python -m release: parse, connect, run one command, end with its exit code."""

import argparse
import getpass
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from release.aws.approvals import PipelineHistory
from release.aws.environment import connect
from release.aws.session import assume
from release.clock import FACTOR_VARIABLE, ScaledClock, factor_from
from release.commands import COMMANDS, Context, Outcome
from release.errors import Exit, Interrupted, ReleaseError
from release.layout import MalformedState
from release.names import validate_suffix

_EPILOG = f"exit codes: {Exit.__doc__}  2 usage"


def parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--suffix", required=True, type=_suffix, help="the environment, for example dev or pr-12")
    common.add_argument("--role-arn", help="role to assume in the environment's account")
    common.add_argument("--region", default="us-east-1")
    common.add_argument("--json", action="store_true", help="write the result as JSON; progress stays on stderr")
    common.add_argument("--ok-if-nothing", action="store_true", help="end with 0 where there was nothing to do")
    common.add_argument(
        "--clock-factor",
        type=_factor,
        default=None,
        help=f"below 1 makes waiting shorter; default ${FACTOR_VARIABLE} or 1",
    )
    top = argparse.ArgumentParser(prog="python -m release", description=__doc__, epilog=_EPILOG)
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    made = {
        name: commands.add_parser(name, parents=[common], help=words, description=words, epilog=_EPILOG)
        for name, (_, words) in COMMANDS.items()
    }
    for name in ("freeze", "shift"):
        made[name].add_argument("--commit", help="the commit that is deployed")
    approver = made["shift"].add_mutually_exclusive_group()
    approver.add_argument("--approved-by", help="who approved the release")
    approver.add_argument(
        "--approved-in",
        metavar="EXECUTION",
        help="the execution of the pipeline in which a person has approved: its history says who",
    )
    for option, words in (
        ("hotfix", "go ahead in spite of alarms that are red already; new ones still return the traffic"),
        ("override-hold", "with --hotfix: go ahead in spite of a hold"),
        ("despite-silence", "pass steps that too few requests came to judge, as after a pause"),
    ):
        made["shift"].add_argument(f"--{option}", action="store_true", help=words)
    made["shift"].add_argument("--because", help="why, for the ledger; needed with the three options above")
    made["outputs"].add_argument("--directory", default="cfn-outputs")
    made["guard"].add_argument("--assembly", default="cdk.out", help="the synthesized application")
    made["guard"].add_argument("--intended", default="intended-data-losses.txt", help="the losses that are meant")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        outcome = _run(arguments)
    except (ReleaseError, MalformedState) as error:
        outcome = Outcome(exit=getattr(error, "exit", Exit.FAILED), message=str(error))
    except (ClientError, BotoCoreError, ValueError) as error:
        outcome = Outcome(exit=Exit.FAILED, message=f"{type(error).__name__}: {error}")
    return _report(outcome, arguments)


def _run(arguments: argparse.Namespace) -> Outcome:
    factor = arguments.clock_factor or factor_from(None)
    own = boto3.Session(region_name=arguments.region)
    role = arguments.role_arn
    there = assume(own, role, purpose=arguments.command) if role else own
    environment = connect(there, arguments.suffix, clock=ScaledClock(factor=factor), progress=_progress, by=_who())
    run, _ = COMMANDS[arguments.command]
    return run(Context(session=there, environment=environment, history=PipelineHistory(own), arguments=arguments))


def _report(outcome: Outcome, arguments: argparse.Namespace) -> int:
    if arguments.json:
        words = {"command": arguments.command, "exit": outcome.exit.name.lower(), "message": outcome.message}
        print(json.dumps({**words, **outcome.details}, indent=2))
    else:
        label = "" if outcome.exit is Exit.DONE else f"{outcome.exit.name.lower().replace('_', ' ')}: "
        print(f"{arguments.command}: {label}{outcome.message}", flush=True)
    if outcome.exit is Exit.NOTHING_TO_DO and arguments.ok_if_nothing:
        return Exit.DONE
    return outcome.exit


def _who() -> str:
    """The build or the person whose command this is, for the ledger."""
    return os.environ.get("CODEBUILD_BUILD_ID") or f"{getpass.getuser()}@{socket.gethostname()}"


def _progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    # Once: what is under way is undone now, and a second signal must not disturb that.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Interrupted(f"ended by {signal.Signals(number).name}")


def _suffix(text: str) -> str:
    try:
        return validate_suffix(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _factor(text: str) -> float:
    try:
        return factor_from(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
