"""The root of what can go wrong with a payment that validation let through."""

from payment_core.errors import ErrorCode, PaymentError


class ProcessingError(PaymentError):
    """The payment cannot be made, or cannot be shown."""


class IdempotencyInFlight(ProcessingError):
    """Somebody else is serving this key right now."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.IDEMPOTENCY_IN_FLIGHT, "A request with this key is being processed. Retry in a moment."
        )


class IdempotencyKeyReused(ProcessingError):
    """The key came with another body before."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.IDEMPOTENCY_KEY_REUSED, "This key was used with another body. A new payment needs a new key."
        )


class KeyAlreadyUsed(ProcessingError):
    """The key's answer has expired, its payment has not."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.KEY_ALREADY_USED, "A payment was made with this key earlier. A new payment needs a new key."
        )


class PaymentNotFound(ProcessingError):
    """There is no such payment, or it is another merchant's: the caller must not learn which."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.PAYMENT_NOT_FOUND, "You have no payment with this id.")


class StateConflict(ProcessingError):
    """The payment is not where it would have to be for this; what was asked for cannot be repeated into success."""

    def __init__(self, operation: str, state: str) -> None:
        super().__init__(
            ErrorCode.PAYMENT_STATE_CONFLICT, f"A payment that is {state} cannot be changed by {operation}."
        )


class AuthorizationExpired(ProcessingError):
    """The authorisation is too old: the issuer may have given the money free, and a capture could be charged back."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.AUTHORIZATION_EXPIRED, "The authorisation has expired: nothing more of it can be captured."
        )


class CaptureExceedsAuthorization(ProcessingError):
    """More would be captured than is left of the authorisation."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.CAPTURE_EXCEEDS_AUTHORIZATION,
            "No more can be captured than is left of the authorised amount.",
            field="amount_minor",
        )


class RefundExceedsCapture(ProcessingError):
    """More would be refunded than is left of what was captured."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.REFUND_EXCEEDS_CAPTURE,
            "No more can be refunded than is left of the captured amount.",
            field="amount_minor",
        )


class OperationInFlight(ProcessingError):
    """Another operation of the payment has no outcome yet."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.OPERATION_IN_FLIGHT, "Another operation of this payment is being processed. Retry in a moment."
        )


class OperationDeclined(ProcessingError):
    """The acquirer does not do it. `reason` is its word for why."""

    def __init__(self, reason: str) -> None:
        super().__init__(ErrorCode.OPERATION_DECLINED, f"The acquirer declined: {reason}. The payment is as it was.")


class CustomerNotFound(ProcessingError):
    """There is no such customer, or it is another merchant's."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.CUSTOMER_NOT_FOUND, "You have no customer with this id.")
