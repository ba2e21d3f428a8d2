"""One run per checkout, and ending what a crashed one left."""

from __future__ import annotations

import json
import shutil
import sys

import psutil

from local.engine.places import database_root
from local.workspace import Workspace

GRACE_SECONDS = 10.0


class AlreadyRunningError(Exception):
    """Another `make demo` or `make up` runs in this checkout."""


def describe(pid: int) -> dict[str, float]:
    """What identifies a process for good: ids are used again, the creation time with it is not."""
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def refuse_second_run(workspace: Workspace) -> None:
    """Raises AlreadyRunningError when a run of this checkout is alive; ends what a dead one left behind."""
    recorded = _recorded(workspace)
    if "owner" in recorded:
        raise AlreadyRunningError(f"process {recorded['owner'].pid} runs here already: end it, or 'make down'")
    if recorded:
        end_left_behind(workspace)


def end_left_behind(workspace: Workspace) -> int:
    """End the owner and the engine of the recorded run with all their children. Returns an exit code."""
    recorded = _recorded(workspace)
    if not recorded:
        sys.stdout.write("nothing runs here\n")
    left: list[psutil.Process] = []
    for process in recorded.values():
        family = [*process.children(recursive=True), process]
        process.terminate()
        _, alive = psutil.wait_procs([process], timeout=GRACE_SECONDS)
        for survivor in (*alive, *(member for member in family if member.is_running())):
            survivor.kill()
        left += psutil.wait_procs(family, timeout=GRACE_SECONDS)[1]
    workspace.running.unlink(missing_ok=True)
    shutil.rmtree(database_root(workspace.engine_state), ignore_errors=True)
    if recorded:
        sys.stdout.write(f"still alive: {left}\n" if left else "everything that ran here has ended\n")
    return 1 if left else 0


def _recorded(workspace: Workspace) -> dict[str, psutil.Process]:
    """The living processes of the recorded run, the owner first."""
    try:
        running = json.loads(workspace.running.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    alive = {}
    for name in ("owner", "engine"):
        try:
            process = psutil.Process(running[name]["pid"])
            if process.create_time() == running[name]["created"]:
                alive[name] = process
        except psutil.NoSuchProcess:
            continue
    return alive
