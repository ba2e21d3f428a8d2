"""What can go wrong while audit records are written."""

from payment_core.errors import ErrorCode, PaymentError


class AuditError(PaymentError):
    """The root of this package's errors. Lambda repeats what raises one, then hands it to the on-failure queue."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INTERNAL_ERROR, message)


class RecordRefused(AuditError):
    """The stream's record is no event of a payment."""


class RecordNotWritten(AuditError):
    """The first record of a batch failed."""
