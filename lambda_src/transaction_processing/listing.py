"""`GET /payments`: a customer's payments, a page at a time."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from payment_core.caller import merchant_id
from payment_core.clock import timestamp
from payment_core.customer_id import usable_customer_id
from payment_core.errors import ErrorCode, InvalidRequest
from payment_core.http import Request, Response, json_response
from transaction_processing.ledger import Ledger, Position

DEFAULT_LIMIT = 20
MAXIMUM_LIMIT = 100
PARAMETERS = frozenset({"customer", "from", "limit", "cursor"})

_LIMIT = re.compile(r"[1-9][0-9]{0,2}")
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,128}")
_POSITION = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z) (pay_[0-9a-f]{32})")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2}))?")


def list_payments(request: Request, *, ledger: Ledger) -> Response:
    """The caller's payments of one customer, oldest first. Raises `InvalidRequest`."""
    merchant, query = merchant_id(request.headers), request.query
    for name in query:
        if name not in PARAMETERS:
            raise InvalidRequest(ErrorCode.QUERY_INVALID, f"The parameters are {', '.join(sorted(PARAMETERS))}.")
    customer, since = _customer(query), _since(query)
    page = ledger.of_customer(
        merchant_id=merchant,
        customer_id=customer,
        since=since,
        limit=_limit(query),
        after=_position(query, since=since),
    )
    document: dict[str, object] = {"payments": [payment.view() for payment in page.payments]}
    if page.following is not None:
        document["next_cursor"] = _cursor(page.following)
    return json_response(200, document, outcome="payments_listed")


def _customer(query: Mapping[str, str]) -> str:
    customer = query.get("customer", "")
    if not usable_customer_id(customer):
        raise _unusable("customer", "1 to 64 letters, digits, dashes and underscores")
    return customer


def _since(query: Mapping[str, str]) -> datetime | None:
    given = query.get("from")
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given) if _TIME.fullmatch(given) else None
        if moment is not None:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _unusable("from", "a date, or a time of RFC 3339")


def _limit(query: Mapping[str, str]) -> int:
    given = query.get("limit", str(DEFAULT_LIMIT))
    if not _LIMIT.fullmatch(given) or int(given) > MAXIMUM_LIMIT:
        raise _unusable("limit", f"a whole number from 1 to {MAXIMUM_LIMIT}")
    return int(given)


def _position(query: Mapping[str, str], *, since: datetime | None) -> Position | None:
    given = query.get("cursor")
    if given is None:
        return None
    try:
        text = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode() if _CURSOR.fullmatch(given) else ""
    except ValueError:
        text = ""
    found = _POSITION.fullmatch(text)
    # A page cannot have ended before the first one begins; DynamoDB would refuse to start there.
    if found is None or (since is not None and found[1] < timestamp(since)):
        raise _unusable("cursor", "the next_cursor of the page before, with the same from")
    return Position(created_at=found[1], payment_id=found[2])


def _cursor(position: Position) -> str:
    text = f"{position.created_at} {position.payment_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unusable(name: str, rule: str) -> InvalidRequest:
    return InvalidRequest(ErrorCode.QUERY_INVALID, f"The parameter must be {rule}.", field=name)
