"""The root of what can be wrong with a payment request."""

from payment_core.errors import PaymentError


class InvalidPayment(PaymentError):
    """The request is well-formed, but no payment can be made of it. Never carries a card's data."""
