"""Requests and responses as the functions see them: no load balancer, no event, no stage name."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Request:
    """`path` is without the API's stage; header names are in lower case. Headers, query and body stay out of a repr.

    `deadline` is the monotonic time, in seconds, at which the function that serves it is ended.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    correlation_id: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    deadline: float = math.inf

    @property
    def seconds_left(self) -> float:
        """How long an answer may still take."""
        return self.deadline - time.monotonic()


@dataclass(frozen=True, kw_only=True)
class Response:
    """`outcome` is what metrics call this answer, `flags` what they say about it besides; neither is sent."""

    status: int
    body: str = field(repr=False)
    outcome: str
    headers: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


def json_response(status: int, document: Mapping[str, object], *, outcome: str) -> Response:
    """A successful answer with `document` as its JSON body."""
    return Response(
        status=status,
        headers={"Content-Type": "application/json"},
        body=json.dumps(document, separators=(",", ":")),
        outcome=outcome,
    )
