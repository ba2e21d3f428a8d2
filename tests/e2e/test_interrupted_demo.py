"""Ending a demo half-way leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from local.workspace import Workspace

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 180.0
END_SECONDS = 60.0


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A checkout of its own, set up by links: the demo starts anew in its folder, where nothing else may run."""
    clone = tmp_path / "checkout"
    subprocess.run(["git", "clone", "--quiet", "--local", str(CHECKOUT), str(clone)], check=True)
    for made in (".venv", "node_modules", "build"):
        (clone / made).symlink_to(CHECKOUT / made)
    return clone


def test_an_interrupted_demo_leaves_no_process_and_no_port(clone: Path, tmp_path: Path) -> None:
    workspace = Workspace(checkout=clone)
    with (tmp_path / "demo.log").open("wb") as log:
        demo = subprocess.Popen(
            [sys.executable, "-m", "local", "demo"], cwd=clone, stdout=log, stderr=log, start_new_session=True
        )
    try:
        running = _wait_for_engine(workspace, demo)
        family = psutil.Process(demo.pid).children(recursive=True)
        os.kill(demo.pid, signal.SIGINT)
        assert demo.wait(END_SECONDS) == 130, (tmp_path / "demo.log").read_text()[-2000:]
    finally:
        if demo.poll() is None:
            demo.kill()
    assert [process for process in family if process.is_running() and process.status() != "zombie"] == []
    assert not workspace.running.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", urlsplit(running["endpoint"]).port or 0)) != 0


def _wait_for_engine(workspace: Workspace, demo: subprocess.Popen[bytes]) -> dict[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and demo.poll() is None:
        if workspace.running.exists():
            found: dict[str, str] = json.loads(workspace.running.read_text())
            return found
        time.sleep(0.2)
    raise AssertionError("the demo did not start the embedded AWS")
