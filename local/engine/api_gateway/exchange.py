"""One request through API Gateway, and the variables that mappings, responses and access logs read.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from __future__ import annotations

import base64
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.engine.api_gateway.snapshot import Method, Snapshot
from local.engine.load_balancer.forwarding import trace_id
from local.engine.load_balancer.http import HttpRequest


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who signed the request. `caller` is the unique id, with `:<session>` after it for an assumed role."""

    account: str
    caller: str
    arn: str
    access_key: str


@dataclass(kw_only=True)
class Exchange:
    request: HttpRequest
    host: str
    api_id: str
    stage_name: str
    path: str
    stage: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    method: Method | None = None
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    caller: Caller | None = None
    firewall: str | None = None
    error_type: str = ""
    error_message: str = ""
    integration_status: int | None = None
    integration_seconds: float | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended_request_id: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(11)).decode())
    trace: str = ""
    started: float = field(default_factory=time.monotonic)
    received: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.trace = trace_id(self.request.header("x-amzn-trace-id"))

    @property
    def stage_variables(self) -> Mapping[str, str]:
        return self.stage.get("variables") or {}

    @property
    def stage_arn(self) -> str:
        region = self.snapshot.region if self.snapshot else ""
        return f"arn:aws:apigateway:{region}::/restapis/{self.api_id}/stages/{self.stage_name}"

    def elapsed_milliseconds(self) -> int:
        return round((time.monotonic() - self.started) * 1000)

    def variable(self, name: str) -> str | None:
        """The value of `context.<name>`; None where it has none."""
        reader = _VARIABLES.get(name)
        value = reader(self) if reader else None
        return None if value is None else str(value)


def _identity(name: str) -> Any:
    return lambda exchange: getattr(exchange.caller, name) if exchange.caller else None


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


_VARIABLES: Mapping[str, Any] = {
    "accountId": lambda exchange: exchange.snapshot.account if exchange.snapshot else None,
    "apiId": lambda exchange: exchange.api_id,
    "domainName": lambda exchange: exchange.host,
    "error.message": lambda exchange: exchange.error_message or None,
    "error.messageString": lambda exchange: f'"{exchange.error_message}"' if exchange.error_message else None,
    "error.responseType": lambda exchange: exchange.error_type or None,
    "extendedRequestId": lambda exchange: exchange.extended_request_id,
    "httpMethod": lambda exchange: exchange.request.method,
    "identity.accessKey": _identity("access_key"),
    "identity.accountId": _identity("account"),
    "identity.caller": _identity("caller"),
    "identity.sourceIp": lambda exchange: exchange.request.client_ip,
    "identity.user": _identity("caller"),
    "identity.userAgent": lambda exchange: exchange.request.header("user-agent"),
    "identity.userArn": _identity("arn"),
    "integration.latency": lambda exchange: _milliseconds(exchange.integration_seconds),
    "integration.status": lambda exchange: exchange.integration_status,
    "integrationLatency": lambda exchange: _milliseconds(exchange.integration_seconds),
    "integrationStatus": lambda exchange: exchange.integration_status,
    "path": lambda exchange: f"/{exchange.stage_name}{exchange.path}",
    "protocol": lambda _: "HTTP/1.1",
    "requestId": lambda exchange: exchange.request_id,
    "requestTime": lambda exchange: exchange.received.strftime("%d/%b/%Y:%H:%M:%S %z"),
    "requestTimeEpoch": lambda exchange: round(exchange.received.timestamp() * 1000),
    "resourceId": lambda exchange: exchange.method.resource_id if exchange.method else None,
    "resourcePath": lambda exchange: exchange.method.resource_path if exchange.method else None,
    "stage": lambda exchange: exchange.stage_name,
    "wafResponseCode": lambda exchange: exchange.firewall,
    "xrayTraceId": lambda exchange: exchange.trace,
}
