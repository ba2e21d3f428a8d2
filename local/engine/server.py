"""The engine's own process: ministack with every registered extension, on loopback."""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
import uvloop

from local.engine import context, modules, orphan, seams
from local.engine.install import install
from local.engine.parts import started
from local.engine.registry import Engine, Registry

STOP_HOOK_SECONDS = 2.0
KEEP_ALIVE_SECONDS = 75
SECRET_KEY = "local"  # noqa: S105 - every account's root has it; the engine answers on loopback only


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the engine answers, where it keeps files, and who started it."""

    port: int
    state_dir: Path
    node_path: Path | None = None
    parent_pid: int | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def serve(settings: Settings) -> None:
    """Serve until SIGTERM, SIGINT or the parent's death. Raises `SeamBrokenError` on a foreign ministack."""
    _set_environment(settings)
    seams.check()
    started(f"ministack {seams.PINNED}, whose {len(seams.SEAMS)} seams are as expected")
    context.set_endpoint(settings.endpoint)
    registry = build_registry()
    install(registry, Engine(endpoint=settings.endpoint, state_dir=settings.state_dir))
    started(f"{len(modules.MODULES)} modules with {len(registry.resource_types)} template types of our own")
    # What is loaded by now stays: each look of the collector through it would hold all requests up.
    gc.collect()
    gc.freeze()
    try:
        uvloop.run(_serve_until_told(settings))
    finally:
        _run_within(STOP_HOOK_SECONDS, registry.stop_hooks)
    # A custom resource in flight holds a thread for an hour; a normal exit would wait for it.
    sys.stdout.flush()
    os._exit(0)


def build_registry() -> Registry:
    """What all engine modules register, in the order of `modules.MODULES`."""
    registry = Registry()
    for name in modules.MODULES:
        importlib.import_module(name).register(registry)
    return registry


async def _serve_until_told(settings: Settings) -> None:
    config = uvicorn.Config(
        seams.get("app"),
        host="127.0.0.1",
        port=settings.port,
        http="httptools",
        lifespan="on",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        # ministack writes both itself, as AWS does.
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    server, loop = uvicorn.Server(config), asyncio.get_running_loop()
    # The server raises again what told it to stop, when it has; that must not keep the stop hooks from running.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    if settings.parent_pid is not None:
        orphan.watch(settings.parent_pid, lambda: loop.call_soon_threadsafe(setattr, server, "should_exit", True))
    await server.serve()


def _set_environment(settings: Settings) -> None:
    """Set what ministack reads at import, and drop the host's own AWS settings."""
    for name in [n for n in os.environ if n.startswith(("AWS_", "CDK_", "PYTHON", "MINISTACK_", "LOCALSTACK_"))]:
        del os.environ[name]
    os.environ |= {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "engine",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(settings.port),
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        "MINISTACK_HOST": "localhost",
        # Functions and handlers call this engine over HTTP; a company's proxy must not see that.
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1,localhost"))),
        "no_proxy": ",".join(filter(None, (os.environ.get("no_proxy"), "127.0.0.1,localhost"))),
        "MINISTACK_REGION": "us-east-1",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(_temporary_directory(settings.state_dir)),
    }
    if settings.node_path is not None:
        os.environ["NODE_PATH"] = str(settings.node_path)


def _temporary_directory(state_dir: Path) -> Path:
    """Function sandboxes go here, so that removing the state directory removes what a killed engine left."""
    directory = state_dir / "tmp"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _run_within(seconds: float, hooks: list[Callable[[], None]]) -> None:
    """Run the stop hooks side by side and wait for them, but not for ever."""
    threads = [threading.Thread(target=hook, daemon=True) for hook in hooks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=seconds)
