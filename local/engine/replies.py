"""Answers of the AWS JSON protocol."""

from __future__ import annotations

import json
from typing import Any

from local.engine.registry import Response

CONTENT_TYPE = "application/x-amz-json-1.1"


def json_reply(body: Any, *, status: int = 200) -> Response:
    return Response(status=status, headers={"Content-Type": CONTENT_TYPE}, body=json.dumps(body).encode())


def json_error(code: str, message: str, *, status: int = 400) -> Response:
    return json_reply({"__type": code, "message": message}, status=status)
