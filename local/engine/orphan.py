"""Notices that the process which started the engine is gone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.5


def watch(parent_pid: int, on_orphaned: Callable[[], object]) -> None:
    """Call `on_orphaned` once, soon after `parent_pid` is no longer this process's parent.

    Linux tells at once by SIGHUP; that signal also comes when merely the starting *thread* ends, so it is a
    hint to look and the parent's id decides. Elsewhere a half-second poll does it alone.
    """
    hint = threading.Event()
    if sys.platform == "linux":
        signal.signal(signal.SIGHUP, lambda *_: hint.set())
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGHUP)

    def look() -> None:
        while os.getppid() == parent_pid:
            hint.wait(POLL_SECONDS)
            hint.clear()
            time.sleep(0.01)
        on_orphaned()

    threading.Thread(target=look, daemon=True, name="parent-watch").start()
