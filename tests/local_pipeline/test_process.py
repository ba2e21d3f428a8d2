"""One run per checkout; nothing of a killed one stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.process import AlreadyRunningError, end_left_behind, refuse_second_run
from local.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import sys, time
from pathlib import Path
from local.process import refuse_second_run
from local.workspace import Workspace
refuse_second_run(Workspace(checkout=Path(sys.argv[1])))
print("runs", flush=True)
time.sleep(60)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(checkout=tmp_path)


@pytest.fixture
def run(workspace: Workspace) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs in the checkout, and has not started an engine yet."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(workspace.checkout)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_run_is_refused_before_it_has_done_anything(workspace: Workspace, run: subprocess.Popen[str]) -> None:
    with pytest.raises(AlreadyRunningError, match=f"process {run.pid} runs in this checkout already"):
        refuse_second_run(workspace)


def test_down_ends_a_run_that_has_not_started_its_engine(workspace: Workspace, run: subprocess.Popen[str]) -> None:
    assert end_left_behind(workspace) == 0

    assert not psutil.pid_exists(run.pid)
    refuse_second_run(workspace)


def test_the_lock_outlives_the_renewal_of_the_folder(workspace: Workspace, run: subprocess.Popen[str]) -> None:
    workspace.renew()

    with pytest.raises(AlreadyRunningError):
        refuse_second_run(workspace)


@pytest.mark.parametrize("killed", [False, True], ids=["runs", "was killed"])
def test_a_function_without_its_engine_is_ended(
    workspace: Workspace, run: subprocess.Popen[str], killed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """A function in the middle of its work does not notice that nobody listens any more."""
    if killed:
        run.kill()
        run.wait()
    program = workspace.engine_state / "tmp" / "ministack-lambda-x" / "_worker.py"
    program.parent.mkdir(parents=True)
    program.write_text("import time; print('works', flush=True); time.sleep(60)")
    function = psutil.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert function.stdout.readline() == "works\n"

    assert end_left_behind(workspace) == 0

    assert not function.is_running()
    assert not program.exists()
    assert "everything that ran here has ended" in capsys.readouterr().out


def test_where_nothing_runs_nothing_is_ended(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert end_left_behind(workspace) == 0
    assert capsys.readouterr().out == "nothing runs here\n"
