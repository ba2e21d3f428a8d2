"""Telling text that holds a card number from text that does not: names, keys and ids are kept and logged."""

import re

from payment_core.luhn import luhn_valid

# UUIDs without dashes, object ids and hashes: their digits are chance.
_HEXADECIMAL = re.compile(r"(?<![0-9A-Za-z])(?:(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{20,}|[0-9A-Fa-f]{32,})(?![0-9A-Za-z])")
_RUN = re.compile(r"(?<![0-9])[0-9]{13,19}(?![0-9])")
# As cards print their numbers; no UUID has groups of these lengths in a row.
_SHAPES = ((4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4))
# A shape may begin within another, so each is only looked at, not taken.
_GROUPED = [
    re.compile(rf"(?<![0-9A-Za-z])(?=({'[-_. ]'.join(f'[0-9]{{{n}}}' for n in shape)})(?![0-9A-Za-z]))")
    for shape in _SHAPES
]
# What card schemes begin with (ISO/IEC 7812), those included that are not accepted here: their cards are cards too.
_ISSUED = re.compile(r"[3-6]|2[2-7]")


def holds_card_number(text: str) -> bool:
    """Whether `text` holds what may be a card number, in one piece or in a card's groups."""
    runs = _RUN.findall(_HEXADECIMAL.sub(" ", text))
    grouped = (re.sub("[^0-9]", "", found) for shape in _GROUPED for found in shape.findall(text))
    return any(_ISSUED.match(digits) and luhn_valid(digits) for digits in (*runs, *grouped))


def holds_digits_of(number: str, text: str) -> bool:
    """Whether the digits of `text` hold this very card number, whatever is between them."""
    return number in re.sub("[^0-9]", "", text)
