"""The error codes that callers and operators may build on, and the root of every error that carries one."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable: a released code is never renamed or given another meaning."""

    BODY_MALFORMED = "body_malformed"
    BODY_INVALID = "body_invalid"
    QUERY_INVALID = "query_invalid"
    IDEMPOTENCY_KEY_MISSING = "idempotency_key_missing"
    IDEMPOTENCY_KEY_INVALID = "idempotency_key_invalid"
    CARD_NUMBER_INVALID = "card_number_invalid"
    CARD_BRAND_UNSUPPORTED = "card_brand_unsupported"
    CARD_EXPIRED = "card_expired"
    CARD_EXPIRY_INVALID = "card_expiry_invalid"
    CVV_INVALID = "cvv_invalid"
    CURRENCY_UNSUPPORTED = "currency_unsupported"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    CALLER_UNKNOWN = "caller_unknown"
    ROUTE_NOT_FOUND = "route_not_found"
    PAYMENT_NOT_FOUND = "payment_not_found"
    CUSTOMER_NOT_FOUND = "customer_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    MEDIA_TYPE_UNSUPPORTED = "media_type_unsupported"
    IDEMPOTENCY_IN_FLIGHT = "idempotency_in_flight"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    KEY_ALREADY_USED = "key_already_used"
    PAYMENT_STATE_CONFLICT = "payment_state_conflict"
    OPERATION_IN_FLIGHT = "operation_in_flight"
    OPERATION_DECLINED = "operation_declined"
    AUTHORIZATION_EXPIRED = "authorization_expired"
    CAPTURE_EXCEEDS_AUTHORIZATION = "capture_exceeds_authorization"
    REFUND_EXCEEDS_CAPTURE = "refund_exceeds_capture"
    CONFIGURATION_UNAVAILABLE = "configuration_unavailable"
    FINGERPRINT_UNAVAILABLE = "fingerprint_unavailable"
    PROCESSING_UNAVAILABLE = "processing_unavailable"
    OUTCOME_UNKNOWN = "outcome_unknown"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    DATABASE_UNAVAILABLE = "database_unavailable"
    FRAUD_UNAVAILABLE = "fraud_unavailable"
    ACQUIRER_UNAVAILABLE = "acquirer_unavailable"
    INTERNAL_ERROR = "internal_error"


RETRYABLE = frozenset(
    {
        ErrorCode.IDEMPOTENCY_IN_FLIGHT,
        ErrorCode.OPERATION_IN_FLIGHT,
        ErrorCode.CONFIGURATION_UNAVAILABLE,
        ErrorCode.FINGERPRINT_UNAVAILABLE,
        ErrorCode.PROCESSING_UNAVAILABLE,
        ErrorCode.OUTCOME_UNKNOWN,
        ErrorCode.STORAGE_UNAVAILABLE,
        ErrorCode.DATABASE_UNAVAILABLE,
        ErrorCode.FRAUD_UNAVAILABLE,
        ErrorCode.ACQUIRER_UNAVAILABLE,
    }
)


class PaymentError(Exception):
    """Why a request cannot be served; each package derives its own root from it.

    `message` is shown to the caller and so must never carry a value that came in.
    `field` names the part of the request that is wrong, `subject` what an operator needs to know (logged, not shown).
    """

    def __init__(self, code: ErrorCode, message: str, *, field: str | None = None, subject: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.field = field
        self.subject = subject

    @property
    def retryable(self) -> bool:
        """Whether the same request with the same idempotency key may succeed later."""
        return self.code in RETRYABLE


class DependencyUnavailable(PaymentError):
    """Something that the functions lean on did not answer, or not in time."""


class Unexpected(PaymentError):
    """Stands for a failure that nobody has thought of, and says nothing of it."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.INTERNAL_ERROR, "The error has been recorded.")


class InvalidRequest(PaymentError):
    """The request is not one that this API understands."""
