"""A limit on amounts in every currency, from two parameters: a number of cents, and exceptions."""

import re
from dataclasses import dataclass

from payment_core.currencies import EXPONENTS

_EXCEPTION = re.compile(r"([A-Z]{3})=([0-9]+)")


class AmountsByCurrency(dict[str, int]):
    """Minor units by currency, spelled `IDR=16000000000 KRW=14000000`. Raises `ValueError` for anything else."""

    def __init__(self, text: str) -> None:
        for part in text.split():
            found = _EXCEPTION.fullmatch(part)
            if found is None or found[1] not in EXPONENTS:
                raise ValueError("not an amount of a currency")
            self[found[1]] = int(found[2])


@dataclass(frozen=True, kw_only=True)
class AmountLimit:
    """`cents` counts hundredths: a currency with three decimals has ten times as many of its minor unit.

    One without decimals takes the number as it is: its unit is about as small as others' cents.
    """

    cents: int
    exceptions: AmountsByCurrency

    def minor(self, currency: str) -> int:
        """The limit in the minor unit of `currency`."""
        return self.exceptions.get(currency, self.cents * int(10 ** max(0, EXPONENTS[currency] - 2)))
