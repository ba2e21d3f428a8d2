"""What is changed in ministack's own worker program and pool."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from local.engine import idle_processes, seams
from local.engine.function_processes import WorkerChangedError, improved_worker


def test_installed_worker_program_has_the_lines_that_are_replaced() -> None:
    improved = improved_worker(seams.get("lambda.python_worker"))

    compile(improved, "worker", "exec")
    assert '"errorType": type(e).__name__' in improved


def test_another_worker_program_is_refused() -> None:
    with pytest.raises(WorkerChangedError, match="handler_fn"):
        improved_worker("def run(): ...")


@pytest.mark.parametrize(
    ("runtime", "in_use", "provisioned", "idle_seconds", "ended"),
    [
        ("python3.13", False, False, 300, True),
        ("python3.13", False, True, 300, False),
        ("python3.13", False, False, 60, False),
        ("python3.13", True, False, 300, False),
        ("nodejs24.x", False, False, 60, True),
        ("nodejs24.x", False, False, 5, False),
    ],
)
def test_processes_end_when_nobody_calls_them(
    monkeypatch: pytest.MonkeyPatch, runtime: str, in_use: bool, provisioned: bool, idle_seconds: int, ended: bool
) -> None:
    worker = SimpleNamespace(config={"Runtime": runtime}, in_use=in_use, last_used=1000.0)
    pools = {"key": [worker]}
    killed: list[object] = []
    fakes = {"lambda.workers": pools, "lambda.workers_lock": threading.Lock(), "lambda.kill_workers": killed.extend}
    monkeypatch.setattr(seams, "get", fakes.__getitem__)
    monkeypatch.setattr(idle_processes, "is_provisioned", lambda _: provisioned)

    assert idle_processes.end_idle(now=1000.0 + idle_seconds) == int(ended)

    assert (killed == [worker]) is ended
    assert (pools["key"] == []) is ended
