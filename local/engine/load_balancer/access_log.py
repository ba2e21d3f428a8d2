"""Access logs of load balancers: a line for each request, put into the bucket as a compressed file now and then.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html
"""

from __future__ import annotations

import gzip
import json
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.engine import context
from local.engine.load_balancer.attributes import ACCESS_LOG
from local.engine.load_balancer.forwarding import TRACE_HEADER
from local.engine.load_balancer.http import HttpRequest, HttpResponse
from local.engine.load_balancer.model import Listener, LoadBalancer, Rule

# AWS takes five minutes. Who searches the logs here would wait that long for the last request.
EVERY_SECONDS = 30.0
ENABLED, BUCKET, PREFIX = ACCESS_LOG
ADDRESS = "127.0.0.1"
Put = Callable[..., object]


class AccessLog:
    """`put` writes an object (account, region, and S3's parameters); `clock` is in seconds since 1970."""

    def __init__(self, put: Put | None = None, clock: Callable[[], float] = time.time) -> None:
        self._put = put or _put_object
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[str, tuple[LoadBalancer, list[str]]] = {}
        self._next = clock() + EVERY_SECONDS

    def add(
        self,
        load_balancer: LoadBalancer,
        listener: Listener,
        rule: Rule,
        request: HttpRequest,
        answer: HttpResponse,
        *,
        target_group_arn: str | None,
        seconds: float,
    ) -> None:
        """Remember one request, if the load balancer has its access log on."""
        if load_balancer.attributes[ENABLED] != "true":
            return
        now = self._clock()
        host = request.header("host") or "-"
        query = f"?{request.query}" if request.query else ""
        url = f"{listener.protocol.lower()}://{host.partition(':')[0]}:{listener.port}{request.path}{query}"
        forwarded = target_group_arn is not None
        own = answer.status in (502, 503, 413) and answer.header("content-type") == "text/html"
        fields = (
            "https" if listener.protocol == "HTTPS" else "http",
            _moment(now),
            load_balancer.full_name,
            f"{request.client_ip}:0",
            "-",
            f"0.000 {seconds:.3f} 0.000" if forwarded else "-1 -1 -1",
            answer.status,
            answer.status if forwarded and not own else "-",
            len(request.body),
            len(answer.body),
            _quoted(f"{request.method} {url} HTTP/1.1"),
            _quoted(request.header("user-agent") or "-"),
            "- -",
            target_group_arn or "-",
            _quoted(request.header(TRACE_HEADER) or "-"),
            '"-" "-"',
            rule.priority or 0,
            _moment(now - seconds),
            _quoted(rule.actions[0]["Type"]),
            '"-" "-" "-" "-" "-" "-"',
        )
        with self._lock:
            _, lines = self._lines.setdefault(load_balancer.arn, (load_balancer, []))
            lines.append(" ".join(map(str, fields)))

    def flush(self) -> None:
        """Put a file for each load balancer now and then. Not for the event loop."""
        if self._clock() >= self._next:
            self._next += EVERY_SECONDS
            self.deliver()

    def deliver(self) -> None:
        """Put what is remembered now."""
        with self._lock:
            pending, self._lines = self._lines, {}
        ended = datetime.fromtimestamp(self._clock(), UTC)
        for load_balancer, lines in pending.values():
            _, _, _, region, account, *_ = load_balancer.arn.split(":")
            prefix = load_balancer.attributes[PREFIX]
            name = "_".join(
                (
                    account,
                    "elasticloadbalancing",
                    region,
                    load_balancer.full_name.replace("/", "."),
                    f"{ended:%Y%m%dT%H%MZ}",
                    ADDRESS,
                    secrets.token_hex(4),
                )
            )
            folder = f"AWSLogs/{account}/elasticloadbalancing/{region}/{ended:%Y/%m/%d}"
            self._put(
                account=account,
                region=region,
                Bucket=load_balancer.attributes[BUCKET],
                Key=f"{prefix}/{folder}/{name}.log.gz" if prefix else f"{folder}/{name}.log.gz",
                Body=gzip.compress(("\n".join(lines) + "\n").encode()),
            )


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def _quoted(text: str) -> str:
    return json.dumps(text)


def _put_object(*, account: str, region: str, **parameters: Any) -> None:
    context.client("s3", account=account, region=region).put_object(**parameters)
