"""Access logs of stages: formatted on the request path, put into their log group in batches from a thread.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

from __future__ import annotations

import re
import threading
import time
from typing import Any

from local.engine import context
from local.engine.api_gateway.exchange import Exchange
from local.engine.load_balancer.http import HttpResponse

Destination = tuple[str, str, str, str]
_VARIABLE = re.compile(r"\$context(?:\.\w+)+")


class AccessLog:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[Destination, list[tuple[int, str]]] = {}
        self._streams: set[Destination] = set()

    def add(self, exchange: Exchange, response: HttpResponse) -> None:
        """Remember one line, if the stage has an access log."""
        settings = exchange.stage.get("accessLogSettings") or {}
        arn, template = settings.get("destinationArn"), settings.get("format")
        if not arn or not template:
            return
        _, _, _, region, account, _, group, *_ = arn.split(":")
        own = {
            "$context.status": str(response.status),
            "$context.responseLength": str(len(response.body)),
            "$context.responseLatency": str(exchange.elapsed_milliseconds()),
        }
        line = _VARIABLE.sub(
            lambda match: own.get(match[0]) or exchange.variable(match[0].removeprefix("$context.")) or "-", template
        )
        stream = f"{exchange.api_id}_{exchange.stage_name}"
        with self._lock:
            lines = self._pending.setdefault((account, region, group, stream), [])
            lines.append((round(time.time() * 1000), line))

    def flush(self) -> None:
        """Put the remembered lines. Not for the event loop."""
        with self._lock:
            pending, self._pending = self._pending, {}
        for destination, lines in pending.items():
            account, region, group, stream = destination
            logs = context.client("logs", account=account, region=region)
            if destination not in self._streams:
                _ensure_stream(logs, group, stream)
                self._streams.add(destination)
            events = [{"timestamp": at, "message": line} for at, line in lines]
            logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _ensure_stream(logs: Any, group: str, stream: str) -> None:
    try:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    except logs.exceptions.ResourceAlreadyExistsException:
        return
