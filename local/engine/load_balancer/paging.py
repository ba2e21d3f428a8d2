"""`Marker` and `PageSize` of the Describe operations."""

from __future__ import annotations

from collections.abc import Sequence

from local.engine.load_balancer.errors import validation
from local.engine.load_balancer.model import Shape

MAX_PAGE = 400


def page(member: str, items: Sequence[Shape], parameters: Shape) -> Shape:
    """One page of `items` under `member`, with `NextMarker` while there are more."""
    size = parameters.get("PageSize", MAX_PAGE)
    if not 1 <= size <= MAX_PAGE:
        raise validation(f"Page size must be between '1' and '{MAX_PAGE}'")
    marker = parameters.get("Marker") or "0"
    if not marker.isdigit():
        raise validation(f"Marker '{marker}' is not valid")
    start = int(marker)
    result: Shape = {member: list(items[start : start + size])}
    return result | ({"NextMarker": str(start + size)} if start + size < len(items) else {})
