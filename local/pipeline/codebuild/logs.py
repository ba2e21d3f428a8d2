"""Where a build's output goes: a file, and CloudWatch Logs under the build's own role."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from local.pipeline.aws import AwsSession

SHIP_SECONDS = 2.0
SHIP_LINES = 500
MASK = "***"


class LogSink(Protocol):
    """Takes a build's lines in order."""

    def write(self, line: str) -> None: ...

    def close(self) -> None: ...


class FileLog:
    """Every line at once, so that a person can follow the file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def write(self, line: str) -> None:
        self._file.write(line + "\n")

    def close(self) -> None:
        self._file.close()


class CloudWatchLog:
    """Batches of lines to a log stream. A refusal is reported once and ends the shipping, not the build."""

    def __init__(self, session: AwsSession, *, group: str, stream: str, report: Callable[[str], None]) -> None:
        self._session, self._group, self._stream, self._report = session, group, stream, report
        self._lock = threading.Lock()
        self._lines: list[tuple[int, str]] = []
        self._shipped = 0.0
        self._open = self._attempt(lambda: self._create())

    def write(self, line: str) -> None:
        with self._lock:
            self._lines.append((int(time.time() * 1000), line or " "))
            due = len(self._lines) >= SHIP_LINES or time.monotonic() - self._shipped > SHIP_SECONDS
        if due:
            self._ship()

    def close(self) -> None:
        self._ship()

    def _create(self) -> None:
        logs = self._session.client("logs")
        try:
            logs.create_log_group(logGroupName=self._group)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ResourceAlreadyExistsException", "AccessDeniedException"}:
                raise
        logs.create_log_stream(logGroupName=self._group, logStreamName=self._stream)

    def _ship(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
            self._shipped = time.monotonic()
        if lines and self._open:
            events = [{"timestamp": at, "message": text} for at, text in lines]
            put = self._session.client("logs").put_log_events
            self._open = self._attempt(
                lambda: put(logGroupName=self._group, logStreamName=self._stream, logEvents=events)
            )

    def _attempt(self, call: Callable[[], object]) -> bool:
        try:
            call()
        except (BotoCoreError, ClientError) as error:
            self._report(f"[Container] CloudWatch Logs {self._group}: {error}")
            return False
        return True


class BuildLog:
    """All sinks of one build; secret values become ***."""

    def __init__(self, sinks: Iterable[LogSink]) -> None:
        self._sinks = list(sinks)
        self._secrets: tuple[str, ...] = ()

    def add(self, sink: LogSink) -> None:
        self._sinks.append(sink)

    def mask(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(sorted(secrets, key=len, reverse=True))

    def write(self, line: str) -> None:
        for secret in self._secrets:
            line = line.replace(secret, MASK)
        for sink in self._sinks:
            sink.write(line)

    def say(self, text: str) -> None:
        self.write(f"[Container] {time.strftime('%Y/%m/%d %H:%M:%S')} {text}")

    def close(self) -> None:
        for sink in self._sinks:
            sink.close()
