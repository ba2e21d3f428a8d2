"""How an error of API Gateway itself looks to the client: built in, or as the API's gateway responses say.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

from __future__ import annotations

import re

from local.engine.api_gateway.errors import GatewayError
from local.engine.api_gateway.exchange import Exchange
from local.engine.api_gateway.mapping import source_value
from local.engine.load_balancer.http import HttpResponse

BUILT_IN_TEMPLATE = '{"message":$context.error.messageString}'
DENIED_TEMPLATE = '{"Message":$context.error.messageString}'
FORBIDDEN = b'{"message":"Forbidden"}'
STATUS = {
    "ACCESS_DENIED": 403,
    "API_CONFIGURATION_ERROR": 500,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "DEFAULT_4XX": 403,
    "DEFAULT_5XX": 500,
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "REQUEST_TOO_LARGE": 413,
    "THROTTLED": 429,
    "WAF_FILTERED": 403,
}
_VARIABLE = re.compile(r"\$\{((?:context|stageVariables)(?:\.\w+)+)\}|\$((?:context|stageVariables)(?:\.\w+)+)")


def render(error: GatewayError, exchange: Exchange) -> HttpResponse:
    """The response of `error`, and its trace in the exchange for the access log."""
    exchange.error_type, exchange.error_message = error.response_type, error.message
    custom = exchange.snapshot.responses.get(error.response_type, {}) if exchange.snapshot else {}
    template = (custom.get("responseTemplates") or {}).get("application/json", BUILT_IN_TEMPLATE)
    if error.response_type == "ACCESS_DENIED" and template == BUILT_IN_TEMPLATE:
        template = DENIED_TEMPLATE
    headers: list[tuple[str, str]] = [("Content-Type", "application/json")]
    if error.error_type:
        headers.append(("x-amzn-ErrorType", error.error_type))
    for target, source in (custom.get("responseParameters") or {}).items():
        name, value = target.removeprefix("gatewayresponse.header."), source_value(source, exchange)
        if value is not None:
            headers = [(key, kept) for key, kept in headers if key.lower() != name.lower()] + [(name, value)]
    body = _VARIABLE.sub(lambda match: source_value(match[1] or match[2], exchange) or "", template)
    status = int(custom.get("statusCode") or STATUS[error.response_type])
    return HttpResponse(status=status, headers=headers, body=body.encode())


def forbidden() -> HttpResponse:
    """For a stage that does not exist: no deployment answers, so no gateway response applies."""
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "ForbiddenException")]
    return HttpResponse(status=403, headers=headers, body=FORBIDDEN)
