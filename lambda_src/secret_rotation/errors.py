"""The root of what can go wrong in a rotation."""

from payment_core.errors import ErrorCode, PaymentError


class RotationRefused(PaymentError):
    """This rotation must not run, or not in this order. Secrets Manager shows the message to an operator."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INTERNAL_ERROR, message)
