"""Money is a whole number of minor units in a currency. There are no floats in here, on purpose."""

from dataclasses import dataclass

from payment_core.currencies import EXPONENTS
from payment_core.errors import ErrorCode, PaymentError


class InvalidMoney(PaymentError):
    """Not an amount that can be paid."""


@dataclass(frozen=True, kw_only=True)
class Money:
    """`amount_minor` counts the currency's minor unit: cents for USD, yen for JPY, fils for BHD.

    Raises `InvalidMoney` for a currency without a known exponent, a negative amount, and anything but an `int`:
    a float has already lost the cent that somebody will look for.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int or self.amount_minor < 0:
            raise InvalidMoney(
                ErrorCode.AMOUNT_OUT_OF_RANGE, "An amount is a whole number of minor units.", field="amount_minor"
            )
        if self.currency not in EXPONENTS:
            raise InvalidMoney(ErrorCode.CURRENCY_UNSUPPORTED, "Not an active ISO 4217 currency.", field="currency")

    @property
    def exponent(self) -> int:
        """Decimals of the minor unit."""
        return EXPONENTS[self.currency]

    def __str__(self) -> str:
        digits = str(self.amount_minor).rjust(self.exponent + 1, "0")
        major, minor = (digits[: -self.exponent], digits[-self.exponent :]) if self.exponent else (digits, "")
        return f"{major}.{minor} {self.currency}" if minor else f"{major} {self.currency}"
