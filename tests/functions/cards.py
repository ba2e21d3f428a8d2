"""Published test card numbers, and numbers made of them."""

from typing import Any

VISA = "4242424242424242"
MASTERCARD = "5555555555554444"
AMEX = "378282246310005"
DISCOVER = "6011111111111117"
DINERS = "30569309025904"
JCB = "3530111333300000"
UNIONPAY = "6200000000000005"
DECLINED = "4000000000000002"
INSUFFICIENT_FUNDS = "4000000000009995"


def payment_body(**changes: Any) -> dict[str, Any]:
    """A payment that is fine; `card` is changed field by field."""
    card = {"number": VISA, "expiry_month": 12, "expiry_year": 2030, "cvv": "123", **changes.pop("card", {})}
    return {"amount_minor": 1099, "currency": "USD", "customer_id": "cus_1", "card": card, **changes}
