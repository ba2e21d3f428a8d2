"""A request as a Lambda target gets it, and its answer as the client gets it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from local.engine.load_balancer.http import HttpRequest, HttpResponse

MAX_BODY_BYTES = 1_048_576  # of the request, and of the function's whole JSON answer
PLAIN_TYPES = ("application/json", "application/javascript", "application/xml")
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


class MalformedAnswerError(ValueError):
    """The function's answer is not what a load balancer accepts; the message has no part of the answer."""


def event(request: HttpRequest, *, target_group_arn: str, multi_value: bool) -> dict[str, Any]:
    """The ALB event. Header names are lower case, path and query are not decoded; the last value of a repeated
    header or parameter wins unless the group has multi-value headers on."""
    text, encoded = _body(request)
    shape: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": target_group_arn}},
        "httpMethod": request.method,
        "path": request.path,
    }
    if multi_value:
        shape["multiValueQueryStringParameters"] = _grouped(request.parameters())
        shape["multiValueHeaders"] = _grouped(request.headers)
    else:
        shape["queryStringParameters"] = dict(request.parameters())
        shape["headers"] = dict(request.headers)
    return shape | {"body": text, "isBase64Encoded": encoded}


def response(payload: bytes, *, multi_value: bool) -> HttpResponse:
    """The HTTP response that a function's answer describes. Raises `MalformedAnswerError`."""
    if len(payload) > MAX_BODY_BYTES:
        raise MalformedAnswerError("the answer has more than 1 MB")
    try:
        answer = json.loads(payload)
    except ValueError as error:
        raise MalformedAnswerError("the answer is not JSON") from error
    if not isinstance(answer, dict):
        raise MalformedAnswerError("the answer is not an object")
    if not isinstance(answer.get("statusDescription", ""), str):
        raise MalformedAnswerError("statusDescription is not text")
    headers = _multi_headers(answer) if multi_value else _single_headers(answer)
    kept = [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP | {"content-length"}]
    return HttpResponse(status=_status(answer), headers=kept, body=_decoded(answer))


def _body(request: HttpRequest) -> tuple[str, bool]:
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    plain = kind.startswith("text/") or kind in PLAIN_TYPES
    if not request.body:
        return "", False
    if plain and request.header("content-encoding") is None:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def _grouped(pairs: Any) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for name, value in pairs:
        result.setdefault(name, []).append(value)
    return result


def _status(answer: dict[str, Any]) -> int:
    status = answer.get("statusCode")
    if isinstance(status, str) and status.isdigit():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 599:
        raise MalformedAnswerError("statusCode is missing or not an HTTP status")
    return status


def _single_headers(answer: dict[str, Any]) -> list[tuple[str, str]]:
    headers = answer.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise MalformedAnswerError("headers is not an object of texts")
    return list(headers.items())


def _multi_headers(answer: dict[str, Any]) -> list[tuple[str, str]]:
    headers = answer.get("multiValueHeaders") or {}
    if not isinstance(headers, dict) or not all(
        isinstance(values, list) and all(isinstance(value, str) for value in values) for values in headers.values()
    ):
        raise MalformedAnswerError("multiValueHeaders is not an object of lists of texts")
    return [(name, value) for name, values in headers.items() for value in values]


def _decoded(answer: dict[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedAnswerError("body is not text")
    if not answer.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise MalformedAnswerError("body is not base64") from error
