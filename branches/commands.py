"""Run a build's commands, and end one at once when nobody wants its outcome any more."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from branches.errors import BranchError

_POLL_SECONDS: Final = 0.2
_GRACE_SECONDS: Final = 30.0


def run(
    command: Sequence[str], *, look: Callable[[], None], look_seconds: float, environment: Mapping[str, str]
) -> None:
    """Run `command` in the checkout. `look` is called every `look_seconds`; what it raises ends the command.

    Raises `BranchError` when the command fails.
    """
    process = subprocess.Popen(
        list(command),
        cwd=Path(__file__).resolve().parents[1],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    looked = time.monotonic()
    try:
        while process.poll() is None:
            time.sleep(_POLL_SECONDS)
            if time.monotonic() - looked >= look_seconds:
                look()
                looked = time.monotonic()
    finally:
        _end(process)
    if process.returncode != 0:
        raise BranchError(f"{' '.join(command)} ended with {process.returncode}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
