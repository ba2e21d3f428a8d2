"""Card brands by the range that a number starts in. Source: the brands' published issuer ranges."""

from dataclasses import dataclass
from enum import StrEnum


class Brand(StrEnum):
    VISA = "visa"
    MASTERCARD = "mastercard"
    AMEX = "amex"
    DISCOVER = "discover"
    DINERS = "diners"
    JCB = "jcb"
    UNIONPAY = "unionpay"


@dataclass(frozen=True, kw_only=True)
class BrandRange:
    """Numbers from `first` to `last`, compared on as many leading digits as these have."""

    brand: Brand
    first: str
    last: str
    lengths: frozenset[int]

    def holds(self, number: str) -> bool:
        return self.first <= number[: len(self.first)] <= self.last


def _ranges(brand: Brand, spans: str, *lengths: int) -> list[BrandRange]:
    found = []
    for span in spans.split():
        first, _, last = span.partition("-")
        found.append(BrandRange(brand=brand, first=first, last=last or first, lengths=frozenset(lengths)))
    return found


# Order matters once: a part of UnionPay's 62 belongs to Discover by agreement.
RANGES = [
    *_ranges(Brand.VISA, "4", 13, 16, 19),
    *_ranges(Brand.MASTERCARD, "51-55 2221-2720", 16),
    *_ranges(Brand.AMEX, "34 37", 15),
    *_ranges(Brand.DISCOVER, "6011 622126-622925 644-649 65", 16, 17, 18, 19),
    *_ranges(Brand.DINERS, "300-305 3095 36 38-39", 14, 15, 16, 17, 18, 19),
    *_ranges(Brand.JCB, "3528-3589", 16, 17, 18, 19),
    *_ranges(Brand.UNIONPAY, "62", 16, 17, 18, 19),
]


def brand_range(number: str) -> BrandRange | None:
    """The range that `number` lies in, or None for a brand that is not accepted."""
    return next((candidate for candidate in RANGES if candidate.holds(number)), None)


def cvv_length(brand: Brand) -> int:
    """How many digits the brand's security code has."""
    return 4 if brand is Brand.AMEX else 3
