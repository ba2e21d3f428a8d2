"""The outermost call of a function: nothing gets past it but an answer, one log line and its metrics."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from payment_core import logs, metrics
from payment_core.alb import correlation_id_of, parse_request, render_response
from payment_core.errors import ErrorCode, PaymentError, Unexpected
from payment_core.http import Request, Response
from payment_core.problem import problem_response
from payment_core.release_identity import LambdaContext, ReleaseIdentity


@dataclass(frozen=True, kw_only=True)
class Call:
    """One function calling another: the payload, and what every call carries."""

    payload: Mapping[str, Any]
    identity: ReleaseIdentity
    correlation_id: str


def serve_request(
    event: Mapping[str, Any],
    context: LambdaContext,
    *,
    serve: Callable[[Request, ReleaseIdentity], Response],
) -> dict[str, Any]:
    """Answer a load balancer. Every failure becomes a problem document; nothing is raised."""
    correlation_id = correlation_id_of(event)
    deadline = time.monotonic() + context.get_remaining_time_in_millis() / 1000

    def work(identity: ReleaseIdentity) -> Response:
        return serve(parse_request(event, correlation_id=correlation_id, deadline=deadline), identity)

    response, identity = _run(context, correlation_id=correlation_id, work=work)
    headers = {"X-Correlation-Id": correlation_id, **(identity.headers if identity else {})}
    return render_response(response, headers=headers)


def serve_call(
    event: Mapping[str, Any], context: LambdaContext, *, operations: Mapping[str, Callable[[Call], Response]]
) -> Response:
    """Answer another function of ours. Every failure becomes a problem document; nothing is raised."""
    correlation_id = str(event.get("correlation_id", ""))

    def work(identity: ReleaseIdentity) -> Response:
        operation = operations.get(str(event.get("operation")))
        if operation is None:
            raise PaymentError(ErrorCode.ROUTE_NOT_FOUND, "There is no such operation.")
        return operation(Call(payload=event, identity=identity, correlation_id=correlation_id))

    response, _ = _run(context, correlation_id=correlation_id, work=work)
    return response


def as_answer(response: Response) -> dict[str, Any]:
    """A response inside the answer of one function to another."""
    return {
        "status_code": response.status,
        "headers": dict(response.headers),
        "body": response.body,
        "outcome": response.outcome,
    }


def as_document(response: Response) -> dict[str, Any]:
    """Only a response's JSON body, for operations whose answer is a document."""
    document: dict[str, Any] = json.loads(response.body)
    return document


def _run(
    context: LambdaContext, *, correlation_id: str, work: Callable[[ReleaseIdentity], Response]
) -> tuple[Response, ReleaseIdentity | None]:
    started = time.perf_counter()
    identity: ReleaseIdentity | None = None
    logs.bind(correlation_id=correlation_id)
    try:
        identity = ReleaseIdentity.of(context)
        logs.bind(correlation_id=correlation_id, colour=identity.colour, function_version=identity.version)
        response = work(identity)
    except PaymentError as failure:
        if failure.retryable or failure.code is ErrorCode.INTERNAL_ERROR:
            logs.error("request_failed", **logs.describe(failure))
        response = problem_response(failure, correlation_id=correlation_id)
    except Exception as failure:
        # Left alone, the runtime would print the message, which may quote a card number.
        logs.error("request_crashed", **logs.describe(failure))
        response = problem_response(Unexpected(), correlation_id=correlation_id)
    duration_ms = (time.perf_counter() - started) * 1000
    logs.info("request_served", status=response.status, outcome=response.outcome, duration_ms=round(duration_ms))
    if identity is not None:
        metrics.record_request(
            colour=identity.colour,
            status=response.status,
            outcome=response.outcome,
            duration_ms=duration_ms,
            flags=response.flags,
        )
    return response, identity
