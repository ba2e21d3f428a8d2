"""Request validation: required parameters first, then the body against the model of its content type.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from __future__ import annotations

import json

from local.engine.api_gateway.errors import GatewayError
from local.engine.api_gateway.exchange import Exchange
from local.engine.api_gateway.mapping import source_value
from local.engine.api_gateway.snapshot import ANY_CONTENT, Method

INVALID_BODY = "Invalid request body"


def check(method: Method, exchange: Exchange) -> None:
    """Raise `GatewayError` (400). The message never has a part of the body: it may hold a card number."""
    if method.validate_parameters:
        missing = [name.split(".", 3)[3] for name in method.required if not source_value(name, exchange)]
        if missing:
            message = f"Missing required request parameters: [{', '.join(missing)}]"
            raise GatewayError("BAD_REQUEST_PARAMETERS", message)
    content_type = (exchange.request.header("content-type") or "application/json").partition(";")[0].strip().lower()
    validator = method.validators.get(content_type) or method.validators.get(ANY_CONTENT)
    if validator is None:
        return
    try:
        document = json.loads(exchange.request.body)
    except (ValueError, RecursionError):
        raise GatewayError("BAD_REQUEST_BODY", INVALID_BODY) from None
    if not validator.is_valid(document):
        raise GatewayError("BAD_REQUEST_BODY", INVALID_BODY)
