"""One run per checkout, and ending what a crashed one left."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import IO

import psutil

from local.engine.places import database_root
from local.workspace import Workspace

GRACE_SECONDS = 10.0
_held: dict[Path, IO[str]] = {}


class AlreadyRunningError(Exception):
    """Another `make demo`, `make up` or `make test` runs in this checkout."""


def describe(pid: int) -> dict[str, float]:
    """What identifies a process for good: ids are used again, the creation time with it is not."""
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def refuse_second_run(workspace: Workspace) -> None:
    """Keep other runs out of the checkout until this process ends; end what a dead one left behind.

    Raises AlreadyRunningError when a run of this checkout is alive.
    """
    workspace.root.mkdir(parents=True, exist_ok=True)
    lock = workspace.lock.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise AlreadyRunningError(
            f"process {owner} runs in this checkout already: wait for it, or end it with 'make down'"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    _held[workspace.lock] = lock
    if _left_behind(workspace):
        end_left_behind(workspace)


def end_left_behind(workspace: Workspace) -> int:
    """End the run of this checkout with all its children, and what a killed one left. Returns an exit code."""
    owner = _owner(workspace)
    ended = [owner] if owner else []
    left = [alive for process in ended for alive in _end(process)]
    for process in _left_behind(workspace):
        ended.append(process)
        left += _end(process)
    workspace.running.unlink(missing_ok=True)
    shutil.rmtree(database_root(workspace.engine_state), ignore_errors=True)
    shutil.rmtree(workspace.engine_state / "tmp", ignore_errors=True)
    if left:
        sys.stdout.write(f"still alive: {left}\n")
    else:
        sys.stdout.write("everything that ran here has ended\n" if ended else "nothing runs here\n")
    return 1 if left else 0


def _end(process: psutil.Process) -> list[psutil.Process]:
    """Ask, wait, kill; the same for its children. Returns what is alive nevertheless."""
    try:
        family = [*process.children(recursive=True), process]
        process.terminate()
    except psutil.NoSuchProcess:
        return []
    psutil.wait_procs([process], timeout=GRACE_SECONDS)
    for member in family:
        if member.is_running():
            member.kill()
    return psutil.wait_procs(family, timeout=GRACE_SECONDS)[1]


def _owner(workspace: Workspace) -> psutil.Process | None:
    """Who holds the lock; never this process."""
    if workspace.lock in _held:
        return None
    try:
        with workspace.lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        pid = workspace.lock.read_text().strip()
        return psutil.Process(int(pid)) if pid and psutil.pid_exists(int(pid)) else None
    return None


def _left_behind(workspace: Workspace) -> list[psutil.Process]:
    """The engine of this checkout, then functions and databases: each names a folder that only it has."""
    engine, functions, databases = (
        str(workspace.engine_state),
        f"{workspace.engine_state / 'tmp'}/",
        f"{database_root(workspace.engine_state)}/",
    )
    engines, others = [], []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "local.engine" in command and engine in command:
            engines.append(process)
        elif any(argument.startswith((functions, databases)) for argument in command):
            others.append(process)
    return [*engines, *others]
