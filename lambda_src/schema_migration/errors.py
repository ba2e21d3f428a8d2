"""The root of what can go wrong in a migration."""

from payment_core.errors import ErrorCode, PaymentError


class MigrationFailed(PaymentError):
    """The schema is not what this release needs. The message is for the operator who started the release."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INTERNAL_ERROR, message)
