"""A build's processes end with it: when it ends, when it is told to, when the engine is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from local.pipeline.codebuild.process import SUPERVISOR, Outcome, run_process

SECONDS = 5.0
# A shell with a child and a grandchild that ignores the polite signal.
STUBBORN = "trap '' TERM; (trap '' TERM; sleep 60 & echo $! > grandchild; wait) & echo $$ > shell; echo ready; wait"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" if sys.platform == "linux" else True
    )


def gone(*pids: int) -> bool:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if not any(map(alive, pids)):
            return True
        time.sleep(0.02)
    return False


def pids(directory: Path) -> list[int]:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        files = [directory / "shell", directory / "grandchild"]
        if all(f.exists() and f.read_text().strip() for f in files):
            return [int(f.read_text()) for f in files]
        time.sleep(0.02)
    raise AssertionError("the build did not start")


def run(
    directory: Path, program: str, *, stop: threading.Event | None = None, timeout: float = 30
) -> tuple[Outcome, list[str]]:
    lines: list[str] = []
    outcome = run_process(
        ["bash", "-c", program],
        directory=directory,
        environment={"PATH": os.environ["PATH"]},
        write_line=lines.append,
        stop=(stop or threading.Event()).wait,
        timeout_seconds=timeout,
    )
    return outcome, lines


def test_the_exit_code_and_every_line_come_back(tmp_path: Path) -> None:
    outcome, lines = run(tmp_path, "echo one; echo two >&2; exit 3")
    assert outcome == Outcome(exit_code=3)
    assert sorted(lines) == ["one", "two"]


def test_stopping_ends_the_whole_process_group(tmp_path: Path) -> None:
    stop = threading.Event()

    def stop_when_it_runs() -> None:
        pids(tmp_path)
        stop.set()

    threading.Thread(target=stop_when_it_runs).start()
    outcome, _ = run(tmp_path, STUBBORN, stop=stop)
    assert outcome.stopped
    assert gone(*pids(tmp_path))


def test_a_build_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    outcome, _ = run(tmp_path, "sleep 60", timeout=0.2)
    assert outcome.timed_out


def test_what_a_build_leaves_running_ends_with_it(tmp_path: Path) -> None:
    outcome, _ = run(tmp_path, "sleep 60 & echo $! > left; exit 0")
    assert outcome.exit_code == 0
    assert gone(int((tmp_path / "left").read_text()))


def test_a_killed_engine_takes_its_builds_with_it(tmp_path: Path) -> None:
    engine = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-S", {str(SUPERVISOR)!r}, "bash", "-c", {STUBBORN!r}], stdin=subprocess.PIPE).wait()
"""
    process = subprocess.Popen([sys.executable, "-c", engine], cwd=tmp_path)
    build = pids(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert gone(*build)


def test_interrupting_the_terminal_leaves_the_decision_to_the_engine(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-S", str(SUPERVISOR), "bash", "-c", "echo started; read -t 0.3 < <(sleep 1); exit 5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert supervisor.stdout is not None
    supervisor.stdout.readline()
    os.killpg(supervisor.pid, signal.SIGINT)
    assert supervisor.wait(SECONDS) == 5
