"""A private integration: the request goes over a VPC link to a load balancer of the same VPC.

https://docs.aws.amazon.com/apigateway/latest/developerguide/private-integration.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html (headers)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from local.engine.api_gateway.errors import GatewayError
from local.engine.api_gateway.exchange import Exchange
from local.engine.api_gateway.mapping import Mapped, mapped, with_stage_variables
from local.engine.api_gateway.reachability import Reachability
from local.engine.api_gateway.snapshot import Integration, Snapshot
from local.engine.api_gateway.vpc_links import VpcLinks
from local.engine.load_balancer import Plane
from local.engine.load_balancer.http import HttpRequest, HttpResponse, replaced
from local.engine.load_balancer.model import Listener, LoadBalancer

NO_ANSWER = "Network error communicating with endpoint"
PORTS = {"http": 80, "https": 443}
NOT_PASSED_ON: Mapping[str, str | None] = dict.fromkeys(
    ("authorization", "connection", "content-length", "expect", "host", "te", "transfer-encoding", "upgrade")
)
REMAPPED = {"connection", "content-length", "date", "server", "www-authenticate"}


class PrivateIntegration:
    def __init__(self, plane: Plane, links: VpcLinks, reachability: Reachability) -> None:
        self._plane = plane
        self._links = links
        self._reachability = reachability

    async def run(self, integration: Integration, exchange: Exchange, snapshot: Snapshot) -> HttpResponse:
        """The load balancer's answer. Raises `GatewayError` when there is none in time or no way to it."""
        values = mapped(integration.parameters, exchange)
        uri = with_stage_variables(integration.uri, exchange)
        for name, value in values.path.items():
            uri = uri.replace(f"{{{name}}}", quote(value, safe=""))
        address = urlsplit(uri)
        load_balancer, listener = await self._endpoint(integration, exchange, snapshot, address)
        request = HttpRequest(
            method=integration.method or exchange.request.method,
            path=f"/{exchange.stage_name}{address.path or '/'}",
            query=_query(exchange, address.query, values.query),
            headers=_headers(exchange, values, host=address.netloc),
            body=exchange.request.body,
            client_ip="127.0.0.1",
        )
        started = time.monotonic()
        answer = await _within(
            integration.timeout_seconds, self._plane.balancer.dispatch(load_balancer, listener, request)
        )
        exchange.integration_seconds = time.monotonic() - started
        exchange.integration_status = answer.status
        return HttpResponse(status=answer.status, headers=_remapped(answer), body=answer.body)

    async def _endpoint(
        self, integration: Integration, exchange: Exchange, snapshot: Snapshot, address: SplitResult
    ) -> tuple[LoadBalancer, Listener]:
        link_id = with_stage_variables(integration.connection_id, exchange)
        link = self._links.find(link_id, account=snapshot.account, region=snapshot.region)
        if link is None:
            raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error")
        state = self._plane.store.of(integration.target)
        load_balancer = state.load_balancers.get(integration.target) if state else None
        listeners = state.listeners_of(integration.target) if state else []
        wanted = (address.port or PORTS.get(address.scheme), address.scheme)
        listener = next((item for item in listeners if (item.port, item.protocol.lower()) == wanted), None)
        if load_balancer is None or listener is None or load_balancer.vpc_id != link.vpc_id:
            raise GatewayError("INTEGRATION_FAILURE", NO_ANSWER)
        if not await self._reachability.open_path(link, load_balancer, listener):
            raise GatewayError("INTEGRATION_FAILURE", NO_ANSWER)
        if not await self._reachability.certified(listener, address.hostname or ""):
            raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error")
        return load_balancer, listener


async def _within(seconds: float, work: Coroutine[Any, Any, HttpResponse]) -> HttpResponse:
    """Await `work` for at most `seconds`. A function that takes longer goes on, as on AWS; nobody waits for it."""
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        raise GatewayError("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    return task.result()


def _query(exchange: Exchange, fixed: str, given: Mapping[str, str]) -> str:
    """HTTP_PROXY passes the client's query on; the URI's own and mapped parameters come on top."""
    kept = "&".join(part for part in exchange.request.query.split("&") if part.partition("=")[0] not in given)
    return "&".join(part for part in (kept, fixed, urlencode(given)) if part)


def _headers(exchange: Exchange, values: Mapped, *, host: str) -> list[tuple[str, str]]:
    forwarded = exchange.request.header("x-forwarded-for")
    own = {
        "host": host,
        "user-agent": f"AmazonAPIGateway_{exchange.api_id}",
        "x-amzn-apigateway-api-id": exchange.api_id,
        "x-amzn-trace-id": exchange.trace,
        "x-forwarded-for": f"{forwarded}, {exchange.request.client_ip}" if forwarded else exchange.request.client_ip,
    }
    return replaced(exchange.request.headers, {**NOT_PASSED_ON, **own, **values.headers})


def _remapped(answer: HttpResponse) -> list[tuple[str, str]]:
    return [(f"x-amzn-Remapped-{key}" if key.lower() in REMAPPED else key, value) for key, value in answer.headers]
