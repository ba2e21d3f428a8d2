"""The CodePipeline API's wire: JSON 1.1, errors as AWS names them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from local.pipeline.errors import ApiError
from local.pipeline.service import Caller, CodePipelineService

TARGET_PREFIX = "CodePipeline_20150709"
CONTENT_TYPE = "application/x-amz-json-1.1"


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    body: bytes


def answer(service: CodePipelineService, *, caller: Caller, target: str, body: bytes) -> Reply:
    """Answer one call. What is not offered is refused by its name."""
    operation = target.rpartition(".")[2]
    handler = service.operations.get(operation)
    if handler is None:
        return _refusal(
            ApiError("InvalidActionException", f"codepipeline:{operation} is not available on the embedded AWS")
        )
    try:
        return Reply(status=200, body=_json(handler(caller, _request(body))))
    except ApiError as error:
        return _refusal(error)


def _refusal(error: ApiError) -> Reply:
    return Reply(status=400, body=_json({"__type": error.code, "message": str(error)}))


def _request(body: bytes) -> dict[str, object]:
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", "the body is not JSON") from error
    if not isinstance(request, dict):
        raise ApiError("SerializationException", "the body is not a JSON object")
    return request


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
