"""The choice of a target group.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rules.html (weighted target groups)
"""

from __future__ import annotations

from collections import Counter

import pytest

from local.engine.load_balancer.balancing import choose
from local.engine.load_balancer.http import HttpRequest


def request(cookie: str = "") -> HttpRequest:
    headers = [("cookie", cookie)] if cookie else []
    return HttpRequest(method="GET", path="/", query="", headers=headers, body=b"", client_ip="127.0.0.1")


def groups(**weights: int) -> list[dict[str, object]]:
    return [{"TargetGroupArn": name, "Weight": weight} for name, weight in weights.items()]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"blue": 100, "green": 0}, {"blue": 1000}),
        ({"blue": 0, "green": 100}, {"green": 1000}),
        ({"blue": 90, "green": 10}, {"blue": 900, "green": 100}),
        ({"blue": 999, "green": 1}, {"blue": 999, "green": 1}),
        ({"blue": 1, "green": 1}, {"blue": 500, "green": 500}),
    ],
)
def test_requests_are_spread_by_weight(weights: dict[str, int], expected: dict[str, int]) -> None:
    config = {"TargetGroups": groups(**weights)}
    points = iter(n / 1000 for n in range(1000))
    chosen = Counter(choose(config, request(), pick=lambda: next(points))[0] for _ in range(1000))
    assert chosen == expected


def test_nothing_is_chosen_when_every_weight_is_zero() -> None:
    assert choose({"TargetGroups": groups(blue=0, green=0)}, request()) == (None, None)


STICKY = {"TargetGroupStickinessConfig": {"Enabled": True, "DurationSeconds": 60}}


def test_sticky_requests_stay_with_their_group_until_the_cookie_expires() -> None:
    config = STICKY | {"TargetGroups": groups(blue=50, green=50)}
    first, cookie = choose(config, request(), pick=lambda: 0.9, clock=lambda: 1000.0)
    assert first == "green"
    assert cookie is not None
    assert "Max-Age=60" in cookie
    again = request(cookie.partition(";")[0])
    assert choose(config, again, pick=lambda: 0.1, clock=lambda: 1059.0) == ("green", None)
    assert choose(config, again, pick=lambda: 0.1, clock=lambda: 1061.0)[0] == "blue"


def test_a_cookie_does_not_bring_traffic_to_a_group_of_weight_zero() -> None:
    _, cookie = choose(STICKY | {"TargetGroups": groups(blue=0, green=1)}, request(), clock=lambda: 1000.0)
    shifted = STICKY | {"TargetGroups": groups(blue=1, green=0)}
    assert choose(shifted, request(str(cookie).partition(";")[0]), clock=lambda: 1001.0)[0] == "blue"


def test_a_forged_cookie_is_ignored() -> None:
    config = STICKY | {"TargetGroups": groups(blue=1, green=1)}
    assert choose(config, request("AWSALBTG=9999999999.abc"), pick=lambda: 0.1)[0] == "blue"
