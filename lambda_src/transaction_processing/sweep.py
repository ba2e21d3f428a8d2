"""Entry point of the sweeper, which a schedule invokes every minute."""

from collections.abc import Mapping
from typing import Any

from payment_core import logs
from transaction_processing.composition import sweeper


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Answers how many payments were settled, and how many were not. Raises when it could not look for them."""
    logs.bind()
    swept = sweeper().run()
    logs.info("payments_swept", settled=swept.settled, unsettled=swept.unsettled)
    return {"settled": swept.settled, "unsettled": swept.unsettled}
