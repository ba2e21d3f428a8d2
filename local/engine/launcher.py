"""Starts and stops the engine process, and knows where it answers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import psutil

from local.engine.parts import DATABASE, parts_in
from local.engine.places import database_root

HEALTH_PATH = "/_ministack/health"
START_SECONDS = 60.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.05
LOG_TAIL_CHARACTERS = 3000
CHECKOUT = Path(__file__).resolve().parents[2]


class EngineFailedError(RuntimeError):
    """The engine did not come up; the message ends with what it said."""


class Engine:
    """The embedded AWS in a process group of its own. Use as a context manager, or `start` and `stop`.

    The process ends when this one does, however it ends. `stop` is safe to repeat.
    """

    def __init__(
        self,
        *,
        state_dir: Path,
        node_path: Path | None = None,
        port: int | None = None,
        on_part: Callable[[str], object] | None = None,
    ) -> None:
        """`on_part` hears of each part as it starts; `start` then returns when there are no more to come."""
        self._state_dir = state_dir
        self._on_part = on_part
        self._told = 0
        self._node_path = node_path
        self._port = port or _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The engine's process id, which is also its process group. Raises `EngineFailedError` unless started."""
        if self._process is None:
            raise EngineFailedError("the engine is not running")
        return self._process.pid

    @property
    def memory_mb(self) -> int:
        """What the engine, its functions and its databases hold now. Shared pages count in each process."""
        return memory_mb(self.pid)

    @property
    def log_path(self) -> Path:
        return self._state_dir / "engine.log"

    def start(self) -> None:
        """Return when the engine answers. Raises `EngineFailedError` after a minute or when it ends early."""
        self._state_dir.mkdir(parents=True, exist_ok=True)
        self._refuse_taken_port()
        command = [sys.executable, "-m", "local.engine", "--state-dir", str(self._state_dir)]
        command += ["--port", str(self._port), "--parent-pid", str(os.getpid())]
        if self._node_path is not None:
            command += ["--node-path", str(self._node_path)]
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        try:
            while not self._answers() or not self._all_parts_told():
                self._check_alive(deadline)
                time.sleep(POLL_SECONDS)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the engine and everything it started: ask, wait a little, then kill the whole process group."""
        process, self._process = self._process, None
        if process is None:
            return
        descendants = _descendants(process.pid)
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _kill_group(process.pid)
            _kill_survivors(descendants)
            process.wait()
            # An orderly engine has removed it; a killed one could not.
            shutil.rmtree(database_root(self._state_dir), ignore_errors=True)

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                raise EngineFailedError(f"port {self._port} is in use")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.endpoint + HEALTH_PATH, timeout=2) as answer:  # noqa: S310 - own URL
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def _all_parts_told(self) -> bool:
        if self._on_part is None:
            return True
        parts = parts_in(self.log_path.read_text(errors="replace"))
        for part in parts[self._told :]:
            self._on_part(part)
        self._told = len(parts)
        return any(part.startswith(DATABASE) for part in parts)

    def _check_alive(self, deadline: float) -> None:
        assert self._process is not None  # noqa: S101 - called between start and stop
        if self._process.poll() is not None:
            raise EngineFailedError(f"the engine ended with {self._process.returncode}:\n{self._log_tail()}")
        if time.monotonic() > deadline:
            raise EngineFailedError(f"the engine did not answer within {START_SECONDS:.0f} s:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        return self.log_path.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]


def memory_mb(pid: int) -> int:
    """What an engine, its functions and its databases hold now. Shared pages count in each process."""
    return sum(_resident_bytes(process) for process in [psutil.Process(pid), *_descendants(pid)]) // 2**20


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _resident_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0


def _kill_survivors(processes: list[psutil.Process]) -> None:
    """Kill what left the process group, like a build in a session of its own."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running():
                process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
