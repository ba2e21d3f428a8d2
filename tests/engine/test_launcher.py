"""The engine's process: it comes up, and nothing of it stays."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.engine.launcher import CHECKOUT, Engine, EngineFailedError
from local.engine.modules import MODULES
from local.engine.places import database_root
from tests.engine.embedded import EmbeddedAws, eventually
from tests.engine.test_database import OUTPUTS, cluster, parameters
from tests.engine.test_functions import function, invoke, role

ACCOUNT = "222222222222"
PARENT = """
import pathlib, sys, time
from local.engine.launcher import Engine
with Engine(state_dir=pathlib.Path(sys.argv[1])) as engine:
    print(engine.pid, engine.endpoint, flush=True)
    time.sleep(60)
"""


def family(pid: int) -> list[psutil.Process]:
    engine = psutil.Process(pid)
    return [engine, *engine.children(recursive=True)]


def listening_addresses(pid: int) -> set[str]:
    """On which addresses the engine and what it started take connections."""
    addresses = set()
    for process in family(pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            connections = process.net_connections("inet")
            addresses |= {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
    return addresses


def start_a_function_and_a_database(aws: EmbeddedAws) -> None:
    aws.deploy(
        {"Role": role(), "Function": function(), "Parameters": parameters(), "Cluster": cluster()},
        account=ACCOUNT,
        outputs=OUTPUTS,
    )
    assert invoke(aws.client("lambda", account=ACCOUNT), "pay", {})["error"] is None


def test_stopping_ends_functions_and_databases_and_frees_the_port(tmp_path: Path) -> None:
    parts: list[str] = []
    with Engine(state_dir=tmp_path, on_part=parts.append) as engine:
        assert [part.split()[0] for part in parts] == ["ministack", str(len(MODULES)), "PostgreSQL"]
        assert listening_addresses(engine.pid) <= {"127.0.0.1", "127.0.0.2"}
        start_a_function_and_a_database(EmbeddedAws(endpoint=engine.endpoint))
        assert listening_addresses(engine.pid) <= {"127.0.0.1", "127.0.0.2"}
        processes = family(engine.pid)
        names = {process.name() for process in processes}
        assert "postgres" in names
        assert len(processes) > 5
        assert engine.memory_mb > 100
        port = int(engine.endpoint.rsplit(":", 1)[1])

    _, alive = psutil.wait_procs(processes, timeout=2)
    assert alive == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_engine_dies_with_its_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid, endpoint = parent.stdout.readline().split()
    start_a_function_and_a_database(EmbeddedAws(endpoint=endpoint))
    processes = family(int(pid))

    parent.kill()
    parent.wait(timeout=5)

    eventually(lambda: not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE], within=8)
    parent.stdout.close()


def test_a_killed_engine_leaves_no_database(tmp_path: Path) -> None:
    with Engine(state_dir=tmp_path) as engine:
        start_a_function_and_a_database(EmbeddedAws(endpoint=engine.endpoint))
        assert database_root(tmp_path).exists()
        processes = family(engine.pid)

        psutil.Process(engine.pid).kill()

        eventually(
            lambda: not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE], within=5
        )
    assert not database_root(tmp_path).exists()


def test_a_taken_port_is_an_error_that_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        engine = Engine(state_dir=tmp_path, port=taken.getsockname()[1])

        with pytest.raises(EngineFailedError, match="in use"):
            engine.start()
