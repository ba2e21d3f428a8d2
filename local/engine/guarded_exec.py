"""Becomes another program, perhaps as another user, that the kernel ends when its starter ends (Linux).

Run as a script by a bare interpreter: `guarded_exec.py UID GID PARENT PROGRAM ARGUMENTS…`; -1 keeps the id.
It stands alone, imports only the standard library, and runs before the change of user, which may not be
able to read the interpreter.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(uid: int, gid: int, parent: int, command: list[str]) -> None:
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        # After the change of user, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("the starter has ended already")
    os.execv(command[0], command)  # noqa: S606 - that is its purpose


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
