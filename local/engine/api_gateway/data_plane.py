"""Serves `https://<api>.execute-api.<region>.amazonaws.com/<stage>/…` for every deployed REST API.

A request comes to the engine's port with that host name in its Host header (any port).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from local.engine import context, seams
from local.engine.api_gateway import callers, gateway_responses, validation
from local.engine.api_gateway.access_log import AccessLog
from local.engine.api_gateway.deployments import Deployments
from local.engine.api_gateway.errors import GatewayError, missing_token
from local.engine.api_gateway.exchange import Exchange
from local.engine.api_gateway.firewall import BLOCK, Firewall
from local.engine.api_gateway.private_integration import PrivateIntegration
from local.engine.api_gateway.throttling import Throttle
from local.engine.load_balancer.entrance import read, write
from local.engine.load_balancer.http import HttpRequest, HttpResponse
from local.engine.load_balancer.metrics import Dimensions, MetricBuffer
from local.engine.registry import AsgiApp, AsgiWrapper

NAMESPACE = "AWS/ApiGateway"
MAX_BODY_BYTES = 10 * 1024 * 1024
_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?::\d+)?", re.IGNORECASE)

# ministack's own addresses of an API would serve it as it is now, not as it was deployed.
_OTHER_ADDRESS = re.compile(r"/(?:_aws/execute-api|restapis(?=/[^/]+/[^/]+/_user_request_))/([^/]+)/")
ELSEWHERE = HttpResponse(
    status=404,
    headers=[("Content-Type", "application/json")],
    body=b'{"message":"Send the request with the host name of the API in its Host header"}',
)


class DataPlane:
    def __init__(
        self,
        *,
        deployments: Deployments,
        integration: PrivateIntegration,
        metrics: MetricBuffer,
        access_log: AccessLog,
        throttle: Throttle,
        firewall: Firewall,
    ) -> None:
        self._deployments = deployments
        self._integration = integration
        self._metrics = metrics
        self._access_log = access_log
        self._throttle = throttle
        self._firewall = firewall

    def wrapper(self) -> AsgiWrapper:
        def wrap(app: AsgiApp) -> AsgiApp:
            async def entrance(scope: Mapping[str, Any], receive: Any, send: Any) -> None:
                if (other := _OTHER_ADDRESS.match(scope.get("path", ""))) and self._deployments.owner(other[1]):
                    await write(send, ELSEWHERE)
                    return
                match = _HOST.fullmatch(_host(scope))
                api_id = match[1].lower() if match else ""
                owner = self._deployments.owner(api_id)
                if owner is None:
                    await app(scope, receive, send)
                    return
                await write(send, await self.answer(api_id, owner, await read(scope, receive)))

            return entrance

        return wrap

    async def answer(self, api_id: str, owner: tuple[str, str], request: HttpRequest) -> HttpResponse:
        """Answer one request to an API in its owner's account."""
        stage_name, _, rest = request.path.removeprefix("/").partition("/")
        exchange = Exchange(
            request=request,
            host=(request.header("host") or "").partition(":")[0],
            api_id=api_id,
            stage_name=stage_name,
            path=f"/{rest}",
        )
        exchange.stage = await _stage(api_id, stage_name, owner)
        exchange.snapshot = self._deployments.get(api_id, exchange.stage.get("deploymentId", ""))
        if exchange.snapshot is None:
            return gateway_responses.forbidden()
        try:
            response = await self._served(exchange)
        except GatewayError as error:
            response = gateway_responses.render(error, exchange)
        self._count(exchange, response)
        self._access_log.add(exchange, response)
        own = [("x-amzn-RequestId", exchange.request_id), ("x-amz-apigw-id", exchange.extended_request_id)]
        own.append(("X-Amzn-Trace-Id", exchange.trace))
        return HttpResponse(status=response.status, headers=[*response.headers, *own], body=response.body)

    async def _served(self, exchange: Exchange) -> HttpResponse:
        snapshot, request = exchange.snapshot, exchange.request
        assert snapshot is not None  # noqa: S101 - `answer` returned otherwise
        exchange.firewall = self._firewall.decide(
            request, account=snapshot.account, region=snapshot.region, stage_arn=exchange.stage_arn
        )
        if exchange.firewall == BLOCK:
            raise GatewayError("WAF_FILTERED", "Forbidden")
        found = snapshot.route(request.method, exchange.path)
        if found is None:
            raise missing_token()
        exchange.method, exchange.path_parameters = found
        method = exchange.method
        if method.authorization == "AWS_IAM":
            exchange.caller = callers.authorize(exchange, snapshot)
        else:
            callers.check_anonymous(exchange, snapshot)
        self._throttle.take(
            api_id=snapshot.api_id, stage=exchange.stage, resource_path=method.resource_path, verb=request.method
        )
        if len(request.body) > MAX_BODY_BYTES:
            raise GatewayError("REQUEST_TOO_LARGE", "Request Too Long")
        validation.check(method, exchange)
        return await self._integration.run(method.integration, exchange, snapshot)

    def _count(self, exchange: Exchange, response: HttpResponse) -> None:
        """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html"""
        snapshot = exchange.snapshot
        assert snapshot is not None  # noqa: S101 - `answer` returned otherwise
        api: Dimensions = (("ApiName", snapshot.api_name),)
        latency = {"Latency": float(exchange.elapsed_milliseconds())}
        if exchange.integration_seconds is not None:
            latency["IntegrationLatency"] = float(round(exchange.integration_seconds * 1000))
        kind = response.status // 100
        self._metrics.add(
            account=snapshot.account,
            region=snapshot.region,
            namespace=NAMESPACE,
            dimensions=[api, (*api, ("Stage", exchange.stage_name)), *_detailed(exchange, api)],
            counts={"Count": 1, "4XXError": int(kind == 4), "5XXError": int(kind == 5)},
            milliseconds=latency,
        )


def _detailed(exchange: Exchange, api: Dimensions) -> list[Dimensions]:
    settings = (exchange.stage.get("methodSettings") or {}).get("*/*") or {}
    if exchange.method is None or not settings.get("metricsEnabled"):
        return []
    where = (("Method", exchange.request.method), ("Resource", exchange.method.resource_path))
    return [(*api, *where, ("Stage", exchange.stage_name))]


async def _stage(api_id: str, stage_name: str, owner: tuple[str, str]) -> Mapping[str, Any]:
    """The stage as it is now; empty when there is none."""
    with context.acting_in(*owner):
        status, _, body = await seams.get("services")["apigateway"](
            "GET", f"/restapis/{api_id}/stages/{stage_name}", {}, b"", {}
        )
    found: Mapping[str, Any] = json.loads(body) if status == 200 else {}
    return found


def _host(scope: Mapping[str, Any]) -> str:
    if scope["type"] != "http":
        return ""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"host"), "")
