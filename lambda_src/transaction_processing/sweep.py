"""Entry point of the sweeper, which a schedule invokes every minute."""

from collections.abc import Mapping
from typing import Any

from payment_core import logs, metrics
from transaction_processing.composition import sweeper


class PaymentsNotSwept(Exception):
    """Payments could not be settled for reasons that nobody has thought of; the log names them."""


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Answers how many payments were settled, and how many were not.

    Raises when it could not look for them, and, after all others, when one of them is broken: then the alarm goes off.
    """
    logs.bind()
    work = sweeper()
    swept = work.run()
    logs.info("payments_swept", settled=swept.settled, unsettled=swept.unsettled)
    metrics.record_oldest_open(seconds=work.oldest_open_seconds())
    if swept.broken:
        raise PaymentsNotSwept
    return {"settled": swept.settled, "unsettled": swept.unsettled}
