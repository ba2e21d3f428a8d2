"""Where a card was issued, by the first six digits of its number."""

import json
from functools import cache
from importlib.resources import files

from payment_core.processor import SANDBOX, of_processor

# Which cards a processor can meet: the sandbox only published test numbers.
BIN_TABLES = {SANDBOX: "bin_countries.json"}


def issuing_country(bin_: str) -> str | None:
    """The issuer's country (ISO 3166-1 alpha-2), or None where the table does not know it.

    Raises `DependencyUnavailable` where the environment's processor has no table.
    """
    return _countries(of_processor(BIN_TABLES)).get(bin_)


@cache
def _countries(name: str) -> dict[str, str]:
    table = json.loads(files("fraud_detection").joinpath(name).read_text("utf-8"))
    found: dict[str, str] = table["countries"]
    return found
