"""The processes that functions run in: what they can import, how their logs and errors come back, how many.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html names what the runtime itself provides.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import secrets
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.engine import seams
from local.engine.registry import Engine, Registry

RUNTIME_PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
# More would only wait for each other.
WORKERS_PER_VERSION = max(2, min(8, 2 * (os.cpu_count() or 1)))
WORKER_WAIT_SECONDS = 10.0
LOG_WAIT_SECONDS = 0.25
END_OF_LOG = f"end of log {secrets.token_hex(8)}"
ERROR_MARK = f"error {secrets.token_hex(8)} "

CALL = "            result = handler_fn(event, context)\n"
CALL_WITH_END = f"""\
            try:
                result = handler_fn(event, context)
            finally:
                sys.stderr.write({END_OF_LOG!r} + "\\n")
                sys.stderr.flush()
"""
FAILURE = '"error": str(e), "trace": traceback.format_exc()'
FAILURE_WITH_TYPE = (
    f'"error": {ERROR_MARK!r} + json.dumps({{"errorMessage": str(e), "errorType": type(e).__name__, '
    '"stackTrace": traceback.format_tb(e.__traceback__)[1:]}), "trace": traceback.format_exc()'
)


class WorkerChangedError(RuntimeError):
    """ministack's worker program no longer has the lines that this module replaces."""


def register(registry: Registry) -> None:
    registry.before_start(improve)


def improve(engine: Engine) -> None:
    program = str(bare_python(engine.state_dir))
    script = improved_worker(seams.get("lambda.python_worker"))
    seams.wrap(
        "lambda.runtime_program",
        lambda original: lambda runtime: (program, script) if runtime.startswith("python") else original(runtime),
    )
    seams.wrap("lambda.drain_log", _until_end_of_log)
    seams.wrap("lambda.execute_warm", _with_error_types)
    seams.wrap("lambda.reserved_concurrency", _of_the_whole_function)
    seams.replace("lambda.worker_limit", WORKERS_PER_VERSION)
    seams.wrap("lambda.acquire_worker", _patiently)


def bare_python(state_dir: Path) -> Path:
    """A Python that sees only its standard library and what Lambda's runtime provides."""
    runtime = state_dir / "lambda-runtime"
    runtime.mkdir(parents=True, exist_ok=True)
    for name in RUNTIME_PACKAGES:
        found = importlib.util.find_spec(name)
        assert found is not None and found.origin is not None  # noqa: S101, PT018 - boto3 is locked
        source = Path(found.origin)
        source = source.parent if source.name == "__init__.py" else source
        if not (runtime / source.name).exists():
            (runtime / source.name).symlink_to(source)
    program = state_dir / "lambda-python"
    interpreter = os.path.realpath(sys.executable)
    program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(runtime))} exec {shlex.quote(interpreter)} -S "$@"\n')
    program.chmod(0o755)
    return program


def improved_worker(script: str) -> str:
    """ministack's worker program that marks the end of an invocation's log and reports errors as Lambda does."""
    for line in (CALL, FAILURE):
        if script.count(line) != 1:
            raise WorkerChangedError(f"ministack's Python worker has no single {line.strip()!r}")
    return script.replace(CALL, CALL_WITH_END).replace(FAILURE, FAILURE_WITH_TYPE)


def _until_end_of_log(original: Callable[..., str]) -> Callable[..., str]:
    """Read the log up to the mark instead of waiting 55 ms for a line that may never come."""

    def drain(worker: Any, *waits: float) -> str:
        if not str(worker.config.get("Runtime", "")).startswith("python"):
            return original(worker, *waits)
        lines: list[str] = []
        deadline = time.monotonic() + LOG_WAIT_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = seams.attribute("lambda.worker", worker, "_stderr_queue").get(timeout=left)
            except queue.Empty:
                break
            if line == END_OF_LOG:
                break
            lines.append(line)
        return "\n".join(lines)

    return drain


def _with_error_types(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def execute(func: Any, event: Any, request_id: str) -> dict[str, Any]:
        result = original(func, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict):
            message = str(body.get("errorMessage", ""))
            if message.startswith(ERROR_MARK):
                result["body"] = {**json.loads(message.removeprefix(ERROR_MARK)), "requestId": request_id}
        return result

    return execute


def _of_the_whole_function(original: Callable[..., int | None]) -> Callable[..., int | None]:
    """Reserved concurrency holds for all versions of a function; ministack keeps it at $LATEST only."""

    def reserved(func: Any, config: dict[str, Any]) -> int | None:
        whole = seams.get("lambda.functions").get(config.get("FunctionName"))
        return original(whole or func, config)

    return reserved


def _patiently(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wait for a free process at the limit; Lambda itself has no such limit, so a throttle would be a lie."""

    def acquire(*arguments: Any, **named: Any) -> Any:
        deadline = time.monotonic() + WORKER_WAIT_SECONDS
        while True:
            worker, reason = original(*arguments, **named)
            if worker is not None or time.monotonic() > deadline:
                return worker, reason
            time.sleep(0.005)

    return acquire
