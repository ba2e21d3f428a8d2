"""Who is calling, as the edge tells it."""

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from payment_core.errors import ErrorCode, PaymentError

_ACCOUNT = re.compile(r"[0-9]{12}")
_UNIQUE_ID = re.compile(r"[A-Za-z0-9+=,.@_/-]{1,128}")


class CallerUnknown(PaymentError):
    """The edge did not say who is calling."""


def source_address(headers: Mapping[str, str]) -> str | None:
    """Where API Gateway saw the request come from; None where it did not say so.

    It overwrites the header, so no caller can pretend. Of IPv6 the network: whoever has one address has all in it.
    """
    try:
        address = ip_address(headers.get("x-source-address", ""))
    except ValueError:
        return None
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def merchant_id(headers: Mapping[str, str]) -> str:
    """`<account>:<unique id>` of the caller; raises `CallerUnknown`.

    API Gateway overwrites both headers. A role's caller id is `<unique id>:<session name>`: the session is chosen by
    the caller and changes, so it must not decide whose payments these are.
    """
    account = headers.get("x-caller-account", "")
    unique_id = headers.get("x-caller-id", "").partition(":")[0]
    if not (_ACCOUNT.fullmatch(account) and _UNIQUE_ID.fullmatch(unique_id)):
        raise CallerUnknown(ErrorCode.CALLER_UNKNOWN, "The request did not come through the API.")
    return f"{account}:{unique_id}"
