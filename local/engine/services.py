"""Services of the registry, in the shape in which ministack routes and authorises calls."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping

from local.engine import seams
from local.engine.registry import Request, ResourceArn, Response, Service, ServiceHandler, ServiceWrapper

RawResponse = tuple[int, dict[str, str], bytes]
RawHandler = Callable[..., Awaitable[RawResponse]]


def install_service(name: str, service: Service) -> None:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> RawResponse:
        response = await service.handler(Request(method=method, path=path, headers=headers, body=body, query=query))
        return response.status, dict(response.headers), response.body

    seams.get("services")[name] = handle
    seams.get("iam.namespaces")[name] = service.iam_namespace
    if service.target_prefixes:
        seams.get("routing.patterns")[name] = {"target_prefixes": list(service.target_prefixes)}


def wrapped_service(inner: RawHandler, wrapper: ServiceWrapper) -> RawHandler:
    async def proceed(request: Request) -> Response:
        status, headers, body = await inner(request.method, request.path, request.headers, request.body, request.query)
        return Response(status=status, headers=headers, body=body)

    handler: ServiceHandler = proceed

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> RawResponse:
        request = Request(method=method, path=path, headers=headers, body=body, query=query)
        response = await wrapper(request, handler)
        return response.status, dict(response.headers), response.body

    return handle


def with_resource_arns(original: Callable[..., str], arns: Mapping[str, ResourceArn]) -> Callable[..., str]:
    @functools.wraps(original)
    def extract(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, list[str]],
        region: str,
        account_id: str,
    ) -> str:
        request = Request(method=method, path=path, headers=headers, body=body, query=query_params)
        if service in arns and (own := arns[service](_operation(request), request)):
            return own
        return original(service, method, path, headers, body, query_params, region, account_id)

    return extract


def _operation(request: Request) -> str:
    """The operation's name in the JSON protocols (a header) and in the query protocol (a parameter)."""
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    return target or next(iter(request.query.get("Action", [])), "")
