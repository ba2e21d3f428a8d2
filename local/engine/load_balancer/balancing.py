"""Which target group of a forward action a request goes to: by weight, or by a stickiness cookie.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
"""

from __future__ import annotations

import hashlib
import hmac
import random
import secrets
import time
from collections.abc import Callable, Sequence
from http.cookies import CookieError, SimpleCookie

from local.engine.load_balancer.http import HttpRequest
from local.engine.load_balancer.model import Shape

COOKIE = "AWSALBTG"
_KEY = secrets.token_bytes(32)


def choose(
    config: Shape,
    request: HttpRequest,
    *,
    pick: Callable[[], float] = random.random,
    clock: Callable[[], float] = time.time,
) -> tuple[str | None, str | None]:
    """The target group's ARN and a `Set-Cookie` value, or None for either.

    Groups of weight 0 are never chosen; with nothing left there is no group (503). `pick` is in [0, 1).
    """
    groups = [group for group in config["TargetGroups"] if group["Weight"] > 0]
    if not groups:
        return None, None
    stickiness = config.get("TargetGroupStickinessConfig") or {}
    if not stickiness.get("Enabled"):
        return _by_weight(groups, pick()), None
    arns = [group["TargetGroupArn"] for group in groups]
    remembered = _remembered(request, arns, clock())
    if remembered is not None:
        return remembered, None
    chosen, duration = _by_weight(groups, pick()), stickiness["DurationSeconds"]
    expires = int(clock()) + duration
    return chosen, f"{COOKIE}={expires}.{_seal(chosen, expires)}; Max-Age={duration}; Path=/"


def _by_weight(groups: Sequence[Shape], point: float) -> str:
    remaining = point * sum(group["Weight"] for group in groups)
    for group in groups:
        remaining -= group["Weight"]
        if remaining < 0:
            return str(group["TargetGroupArn"])
    return str(groups[-1]["TargetGroupArn"])


def _remembered(request: HttpRequest, arns: Sequence[str], now: float) -> str | None:
    try:
        jar = SimpleCookie("; ".join(request.values("cookie")))
    except CookieError:
        return None
    value = jar[COOKIE].value if COOKIE in jar else ""
    expires, _, seal = value.partition(".")
    if not expires.isdigit() or int(expires) < now:
        return None
    return next((arn for arn in arns if hmac.compare_digest(_seal(arn, int(expires)), seal)), None)


def _seal(arn: str, expires: int) -> str:
    return hmac.new(_KEY, f"{arn}|{expires}".encode(), hashlib.sha256).hexdigest()
