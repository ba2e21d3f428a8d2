"""The one place where an error becomes an HTTP answer: RFC 9457 problem documents."""

import json
from dataclasses import dataclass

from payment_core.errors import ErrorCode, PaymentError
from payment_core.http import Response

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Problem:
    """HTTP status and title of one error code, and after how many seconds a retry makes sense."""

    status: int
    title: str
    retry_after_seconds: int | None = None


PROBLEMS = {
    ErrorCode.BODY_MALFORMED: Problem(400, "The body is not JSON"),
    ErrorCode.BODY_INVALID: Problem(400, "The body does not have the documented shape"),
    ErrorCode.QUERY_INVALID: Problem(400, "A query parameter is missing or not usable"),
    ErrorCode.IDEMPOTENCY_KEY_MISSING: Problem(400, "The Idempotency-Key header is missing"),
    ErrorCode.IDEMPOTENCY_KEY_INVALID: Problem(400, "The Idempotency-Key header is not usable"),
    ErrorCode.CARD_NUMBER_INVALID: Problem(400, "The card number is not valid"),
    ErrorCode.CARD_BRAND_UNSUPPORTED: Problem(400, "Cards of this brand are not accepted"),
    ErrorCode.CARD_EXPIRED: Problem(400, "The card has expired"),
    ErrorCode.CARD_EXPIRY_INVALID: Problem(400, "The expiry date is not plausible"),
    ErrorCode.CVV_INVALID: Problem(400, "The security code does not fit the card"),
    ErrorCode.CURRENCY_UNSUPPORTED: Problem(400, "The currency is not supported"),
    ErrorCode.AMOUNT_OUT_OF_RANGE: Problem(400, "The amount is out of range"),
    ErrorCode.CALLER_UNKNOWN: Problem(403, "The caller cannot be identified"),
    ErrorCode.ROUTE_NOT_FOUND: Problem(404, "There is nothing at this path"),
    ErrorCode.PAYMENT_NOT_FOUND: Problem(404, "There is no such payment"),
    ErrorCode.CUSTOMER_NOT_FOUND: Problem(404, "There is no such customer"),
    ErrorCode.METHOD_NOT_ALLOWED: Problem(405, "The method is not allowed at this path"),
    ErrorCode.MEDIA_TYPE_UNSUPPORTED: Problem(415, "The body is not application/json"),
    ErrorCode.IDEMPOTENCY_IN_FLIGHT: Problem(409, "A request with this key is being processed", 1),
    ErrorCode.KEY_ALREADY_USED: Problem(409, "The idempotency key has been used before"),
    ErrorCode.PAYMENT_STATE_CONFLICT: Problem(409, "The payment is not in a state that allows this"),
    ErrorCode.AUTHORIZATION_EXPIRED: Problem(409, "The authorisation has expired"),
    ErrorCode.OPERATION_IN_FLIGHT: Problem(409, "Another operation of the payment is being processed", 1),
    ErrorCode.OPERATION_DECLINED: Problem(422, "The acquirer declined the operation"),
    ErrorCode.CAPTURE_EXCEEDS_AUTHORIZATION: Problem(422, "More would be captured than was authorised"),
    ErrorCode.REFUND_EXCEEDS_CAPTURE: Problem(422, "More would be refunded than was captured"),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: Problem(422, "The idempotency key was used with another body"),
    ErrorCode.CONFIGURATION_UNAVAILABLE: Problem(503, "The configuration cannot be read", 5),
    ErrorCode.FINGERPRINT_UNAVAILABLE: Problem(503, "The key service does not answer", 2),
    ErrorCode.PROCESSING_UNAVAILABLE: Problem(503, "Processing does not answer", 2),
    ErrorCode.STORAGE_UNAVAILABLE: Problem(503, "The payment store does not answer", 2),
    # An Aurora cluster that scaled to zero needs about 15 seconds to resume.
    ErrorCode.DATABASE_UNAVAILABLE: Problem(503, "The customer database does not answer", 5),
    ErrorCode.FRAUD_UNAVAILABLE: Problem(503, "Fraud detection does not answer", 2),
    ErrorCode.ACQUIRER_UNAVAILABLE: Problem(503, "The acquirer does not answer", 5),
    ErrorCode.OUTCOME_UNKNOWN: Problem(504, "The outcome is not known yet", 2),
    ErrorCode.INTERNAL_ERROR: Problem(500, "Something went wrong on our side"),
}


def problem_response(error: PaymentError, *, correlation_id: str) -> Response:
    """The answer to a request that failed with `error`."""
    problem = PROBLEMS[error.code]
    document: dict[str, str | int] = {
        "type": f"urn:payment:problem:{error.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": error.message,
        "code": error.code,
        "correlation_id": correlation_id,
    }
    if error.field is not None:
        document["field"] = error.field
    headers = {"Content-Type": CONTENT_TYPE}
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    return Response(status=problem.status, headers=headers, body=json.dumps(document), outcome=error.code)
