"""Entry point of the processing function."""

from collections.abc import Mapping
from typing import Any

from payment_core.boundary import Call, as_answer, serve_call, serve_request
from payment_core.http import Request, Response
from payment_core.release_identity import LambdaContext, ReleaseIdentity
from payment_core.routing import Route, Router
from transaction_processing import resources
from transaction_processing.composition import authorization, customers, ledger
from transaction_processing.payments import AuthorizePayment


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer validation, or the load balancer."""
    if "operation" in event:
        return as_answer(serve_call(event, context, operations={"authorize_payment": _authorize_payment}))
    return serve_request(event, context, serve=_serve)


def _authorize_payment(call: Call) -> Response:
    return authorization(call.identity.colour).authorize(AuthorizePayment.parse(call.payload))


def _serve(request: Request, _identity: ReleaseIdentity) -> Response:
    return _ROUTES(request)


_ROUTES = Router(
    [
        Route("GET", "/payments/{payment_id}", lambda it, named: resources.get_payment(it, named, ledger=ledger())),
        Route(
            "GET",
            "/customers/{customer_id}",
            lambda it, named: resources.get_customer(it, named, customers=customers()),
        ),
        Route(
            "PUT",
            "/customers/{customer_id}",
            lambda it, named: resources.put_customer(it, named, customers=customers()),
        ),
    ]
)
