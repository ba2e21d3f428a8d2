"""A customer's payments, a page at a time, and never another merchant's."""

import base64
import uuid

import pytest

from tests.functions.system import System


def _all(system: System, query: str) -> list[str]:
    """The ids of all pages, by following the cursors."""
    found, cursor = [], ""
    for _ in range(10):
        answer = system.send("GET", f"/payments?{query}{cursor}")
        assert answer.status == 200, answer.text
        found += [payment["payment_id"] for payment in answer.json["payments"]]
        if "next_cursor" not in answer.json:
            return found
        cursor = f"&cursor={answer.json['next_cursor']}"
    raise AssertionError("the pages never end")


@pytest.fixture
def made(system: System) -> list[dict[str, str]]:
    """Five payments, oldest first; two may be of the same millisecond."""
    made = [system.pay(key=f"k{number}").json for number in range(5)]
    return sorted(made, key=lambda payment: (payment["created_at"], payment["payment_id"]))


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_every_payment_is_on_exactly_one_page(system: System, made: list[dict[str, str]], limit: int) -> None:
    assert _all(system, f"customer=cus_1&limit={limit}") == [payment["payment_id"] for payment in made]


def test_a_payment_is_listed_as_it_is_shown(system: System, made: list[dict[str, str]]) -> None:
    system.change(made[0]["payment_id"], "capture", {"amount_minor": 7})
    listed = system.send("GET", "/payments?customer=cus_1").json["payments"]
    assert listed[0] == system.send("GET", f"/payments/{made[0]['payment_id']}").json


def test_from_leaves_out_what_is_older(system: System, made: list[dict[str, str]]) -> None:
    since = made[2]["created_at"]
    expected = [payment["payment_id"] for payment in made if payment["created_at"] >= since]
    assert _all(system, f"customer=cus_1&from={since.replace(':', '%3A')}") == expected
    assert _all(system, "customer=cus_1&from=2000-01-01") == [payment["payment_id"] for payment in made]
    assert _all(system, "customer=cus_1&from=2999-01-01T00:00:00%2B02:00") == []


def test_a_cursor_of_before_from_is_refused(system: System, made: list[dict[str, str]]) -> None:
    cursor = system.send("GET", "/payments?customer=cus_1&limit=1").json["next_cursor"]
    answer = system.send("GET", f"/payments?customer=cus_1&from=2999-01-01&cursor={cursor}")
    assert (answer.status, answer.json["code"], answer.json["field"]) == (400, "query_invalid", "cursor")
    since = made[0]["created_at"].replace(":", "%3A")
    assert len(system.send("GET", f"/payments?customer=cus_1&from={since}&cursor={cursor}").json["payments"]) == 4


def test_another_merchant_sees_nothing_not_even_with_the_cursor(system: System, made: list[dict[str, str]]) -> None:
    cursor = system.send("GET", "/payments?customer=cus_1&limit=1").json["next_cursor"]
    system.merchant = {**system.merchant, "x-caller-id": f"AROA{uuid.uuid4().hex}:session"}
    assert _all(system, "customer=cus_1") == []
    assert _all(system, f"customer=cus_1&cursor={cursor}") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "customer"),
        ("customer=a%20b", "customer"),
        ("customer=cus_1&from=yesterday", "from"),
        ("customer=cus_1&from=2026-02-30", "from"),
        ("customer=cus_1&from=0001-01-01T00:00:00%2B23:00", "from"),
        ("customer=cus_1&limit=0", "limit"),
        ("customer=cus_1&limit=101", "limit"),
        ("customer=cus_1&cursor=x", "cursor"),
        (f"customer=cus_1&cursor={base64.urlsafe_b64encode(b'2026 pay_1').decode().rstrip('=')}", "cursor"),
        ("customer=cus_1&status=authorized", None),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(system: System, query: str, field: str | None) -> None:
    answer = system.send("GET", f"/payments?{query}")
    assert (answer.status, answer.json["code"], answer.json.get("field")) == (400, "query_invalid", field)


def test_health_asks_nobody(system: System) -> None:
    system.cloud.ssm.values.clear()
    answer = system.send("GET", "/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
