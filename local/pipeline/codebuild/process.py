"""A build as a child process: its output goes line by line to a log, and it ends when it is told to."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

SUPERVISOR = Path(__file__).with_name("supervisor.py")
POLL_SECONDS = 0.1
READER_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the process ended; `stopped` when it was told to, `timed_out` when it took too long."""

    exit_code: int
    stopped: bool = False
    timed_out: bool = False


def run_process(
    command: list[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    write_line: Callable[[str], None],
    stop: Callable[[float], bool],
    timeout_seconds: float,
) -> Outcome:
    """Run `command` to its end. `stop(seconds)` waits at most so long and says whether to end the process group now."""
    process = subprocess.Popen(
        [sys.executable, "-S", "-E", str(SUPERVISOR), *command],
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    reader = threading.Thread(target=_pump, args=(process, write_line), daemon=True)
    reader.start()
    deadline = time.monotonic() + timeout_seconds
    stopped = timed_out = False
    while process.poll() is None and not (stopped or timed_out):
        stopped = stop(POLL_SECONDS)
        timed_out = time.monotonic() > deadline
    if process.stdin is not None:
        process.stdin.close()
    exit_code = process.wait()
    reader.join(READER_SECONDS)  # a process that left the group may hold the pipe: do not wait for it
    return Outcome(exit_code=exit_code, stopped=stopped, timed_out=timed_out)


def _pump(process: subprocess.Popen[bytes], write_line: Callable[[str], None]) -> None:
    for line in process.stdout or ():
        write_line(line.decode(errors="replace").rstrip("\n"))
