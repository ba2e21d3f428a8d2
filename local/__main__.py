"""`python -m local demo|up|status|down`: the whole pipeline on this machine."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

from local import branches, demo, process
from local.assembly import AssemblyError
from local.bootstrap import BootstrapError
from local.cloud import Cloud, NotACheckoutError, running_cloud
from local.follow import PipelineFailed
from local.progress import Progress
from local.status import print_status
from local.workspace import Workspace

CHECKOUT = Path(__file__).resolve().parent.parent
EXIT_INTERRUPTED = 130
EXPECTED = (
    AssemblyError,
    BootstrapError,
    NotACheckoutError,
    PipelineFailed,
    demo.DemoFailed,
    process.AlreadyRunningError,
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="push this repository, approve, pay, push a change, see it released; then end")
    commands.add_parser("up", help="start everything and keep it running until Ctrl-C")
    commands.add_parser("status", help="what runs here")
    commands.add_parser("down", help="end what a crashed run left behind")
    command = parser.parse_args().command
    workspace = Workspace(checkout=CHECKOUT)
    if command == "down":
        return process.end_left_behind(workspace)
    if command == "status":
        return print_status(workspace)
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(ending, _as_interrupt)
    progress = Progress()
    try:
        process.refuse_second_run(workspace)
        with running_cloud(CHECKOUT, progress) as cloud:
            return _demo(cloud, progress) if command == "demo" else _up(cloud, progress)
    except KeyboardInterrupt:
        progress.say("interrupted: everything that was started has ended")
        return EXIT_INTERRUPTED
    except EXPECTED as error:
        progress.say(f"FAILED: {error}")
        return 1
    except subprocess.CalledProcessError as error:
        progress.say(f"FAILED: {' '.join(map(str, error.cmd))} ended with {error.returncode}")
        return 1


def _demo(cloud: Cloud, progress: Progress) -> int:
    record = demo.run(cloud, progress)
    demo.summarize(cloud, record, progress)
    progress.say("done")
    return 0


def _up(cloud: Cloud, progress: Progress) -> int:
    if cloud.assembly.branches_account:
        with progress.step("prepare the account of branches"):
            branches.prepare(cloud.workspace, cloud.endpoint, cloud.assembly)
    try:
        demo.first_push(cloud, progress)
        demo.print_how_to(cloud, progress)
    except PipelineFailed as error:
        progress.say(f"the first push FAILED: {error}\neverything keeps running: look into it, then push again")
    with demo.customers(cloud).on_watch():
        threading.Event().wait()
    return 0


def _as_interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
