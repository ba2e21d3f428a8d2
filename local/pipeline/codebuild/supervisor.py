"""Runs one build's shell in a process group of its own and ends the whole group when its parent says so or dies.

Started as `python -S supervisor.py <command…>` with a pipe as standard input: its end is the order to stop, and a
parent that is killed closes it too. Nothing but the standard library, and little of that: it starts with every build.
"""

import contextlib
import os
import signal
import sys
import threading
import time

GRACE_SECONDS = 1.0
SHIELDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the parent decides, not the terminal


def end_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def stop_when_parent_says_so(group: int) -> None:
    while os.read(0, 1024):
        pass
    end_group(group, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    end_group(group, signal.SIGKILL)


def main(command: list[str]) -> int:
    child = os.fork()
    if child == 0:
        os.setsid()
        for number in (*SHIELDED, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.execvp(command[0], command)  # noqa: S606 - the build's own shell, without another one around it
    threading.Thread(target=stop_when_parent_says_so, args=(child,), daemon=True).start()
    _, status = os.waitpid(child, 0)
    end_group(child, signal.SIGKILL)  # what the build left running ends with it, as its container would
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    for shielded in SHIELDED:
        signal.signal(shielded, signal.SIG_IGN)
    sys.exit(main(sys.argv[1:]))
