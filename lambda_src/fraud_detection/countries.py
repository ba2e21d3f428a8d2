"""Where a card was issued, by the first six digits of its number."""

import json
from functools import cache
from importlib.resources import files


def issuing_country(bin_: str) -> str | None:
    """The issuer's country (ISO 3166-1 alpha-2), or None where the table does not know it."""
    return _countries().get(bin_)


@cache
def _countries() -> dict[str, str]:
    table = json.loads(files("fraud_detection").joinpath("bin_countries.json").read_text("utf-8"))
    found: dict[str, str] = table["countries"]
    return found
