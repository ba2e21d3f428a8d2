"""Entry point of the validation function."""

from collections.abc import Mapping
from typing import Any

from payment_core.boundary import serve_request
from payment_core.http import Request, Response
from payment_core.release_identity import LambdaContext, ReleaseIdentity
from payment_core.routing import Route, Router
from payment_validation.composition import submission


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer the load balancer."""
    return serve_request(event, context, serve=_serve)


def _serve(request: Request, identity: ReleaseIdentity) -> Response:
    routes = Router([Route("POST", "/payments", lambda it, _: submission().submit(it, colour=identity.colour))])
    return routes(request)
