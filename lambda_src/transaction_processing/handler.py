"""Entry point of the processing function."""

from collections.abc import Mapping
from typing import Any

from payment_core.boundary import Call, as_answer, serve_call, serve_request
from payment_core.http import Request, Response
from payment_core.release_identity import LambdaContext, ReleaseIdentity
from payment_core.routing import Route, RouteHandler, Router
from transaction_processing import resources
from transaction_processing.composition import authorization, ledger, payment_change
from transaction_processing.customer_database import customers
from transaction_processing.listing import list_payments
from transaction_processing.payments import AuthorizePayment
from transaction_processing.pending import MERCHANT_OPERATIONS, OperationKind


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer validation, or the load balancer."""
    if "operation" in event:
        return as_answer(serve_call(event, context, operations={"authorize_payment": _authorize_payment}))
    return serve_request(event, context, serve=_serve)


def _authorize_payment(call: Call) -> Response:
    return authorization(call.identity.colour, customers=customers()).authorize(AuthorizePayment.parse(call.payload))


def _serve(request: Request, _identity: ReleaseIdentity) -> Response:
    return _ROUTES(request)


def _change(kind: OperationKind) -> RouteHandler:
    return lambda it, named: resources.change_payment(it, named, kind=kind, use_case=payment_change())


_ROUTES = Router(
    [
        Route("GET", "/health", resources.get_health),
        Route("GET", "/payments", lambda it, _: list_payments(it, ledger=ledger())),
        *(Route("POST", f"/payments/{{payment_id}}/{kind}", _change(kind)) for kind in MERCHANT_OPERATIONS),
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
