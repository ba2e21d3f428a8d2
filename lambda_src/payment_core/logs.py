"""Structured logs from an allow-list: a field that is not named here cannot be logged."""

import traceback
from functools import cache
from pathlib import PurePath
from typing import LiteralString, TypedDict, Unpack

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from payment_core.errors import PaymentError


class LogFields(TypedDict, total=False):
    """What may be logged. Nothing of a card, a token or a body belongs here."""

    colour: str
    function_version: str
    correlation_id: str
    outcome: str
    status: int
    duration_ms: int
    method: str
    merchant_id: str
    payment_id: str
    state: str
    amount_minor: int
    captured_minor: int
    refunded_minor: int
    currency: str
    decline_reason: str
    error_code: str
    error_types: list[str]
    error_at: list[str]
    subject: str
    step: str
    migrations: list[str]
    settled: int
    unsettled: int


_ALLOWED = frozenset(LogFields.__annotations__)


@cache
def _logger() -> Logger:
    return Logger(use_rfc3339=True, utc=True, location=None)


def bind(**fields: Unpack[LogFields]) -> None:
    """Start a new invocation's log: forget the last one's fields and put these on every line."""
    logger = _logger()
    logger.structure_logs()
    logger.append_keys(**_allowed(fields))


def info(event: LiteralString, **fields: Unpack[LogFields]) -> None:
    """Say that `event`, a constant, has happened."""
    _logger().info(event, extra=_allowed(fields))


def error(event: LiteralString, **fields: Unpack[LogFields]) -> None:
    """Say that `event`, a constant, has happened and that somebody should know."""
    _logger().error(event, extra=_allowed(fields))


def describe(failure: BaseException, **more: Unpack[LogFields]) -> LogFields:
    """What can be told about an exception without its message, which may quote what came in; `more` wins."""
    chain: list[BaseException] = []
    link: BaseException | None = failure
    while link is not None and len(chain) < 5:
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    frames = traceback.extract_tb(failure.__traceback__)[-3:]
    told: LogFields = {
        "error_types": [_type_of(link) for link in chain],
        "error_at": [f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames],
    }
    if isinstance(failure, PaymentError):
        told["error_code"] = failure.code
        told["subject"] = failure.subject or ""
    told.update(more)
    return told


def _type_of(failure: BaseException) -> str:
    name = type(failure).__name__
    return f"{name}:{failure.response['Error']['Code']}" if isinstance(failure, ClientError) else name


def _allowed(fields: LogFields) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name in _ALLOWED}
