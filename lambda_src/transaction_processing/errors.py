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


class CustomerNotFound(ProcessingError):
    """There is no such customer, or it is another merchant's."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.CUSTOMER_NOT_FOUND, "You have no customer with this id.")
