"""A customer's day: its payments never sum up to more than the limit, however many come at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from payment_core.errors import ErrorCode
from payment_core.money import Money
from payment_core.sandbox import SandboxOutcome, sandbox_token
from tests.functions.processing import ORDER, Processing, document
from transaction_processing.sweeping import SETTLED_WITHIN

AMOUNT = 1_000


@pytest.fixture
def processing() -> Processing:
    made = Processing()
    made.set_terms(daily_limit_minor=5 * AMOUNT)
    return made


def pay(processing: Processing, number: int, outcome: SandboxOutcome = SandboxOutcome.APPROVE) -> str:
    """The decline reason, or the status."""
    order = replace(
        ORDER,
        idempotency_key=f"key-{number}",
        money=Money(amount_minor=AMOUNT, currency="USD"),
        token=sandbox_token(outcome, "n"),
    )
    answer = document(processing.authorize(order))
    return str(answer.get("decline_reason", answer["status"]))


def spent(processing: Processing) -> list[object]:
    return [item["spent_minor"] for item in processing.dynamodb.items("transactions") if item["sk"] == "SPENT"]


def test_of_forty_at_once_exactly_those_pass_that_the_limit_has_room_for(processing: Processing) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = sorted(pool.map(lambda number: pay(processing, number), range(40)))
    assert answers == ["authorized"] * 5 + ["customer_daily_limit"] * 35
    assert spent(processing) == [5 * AMOUNT]
    assert len(processing.payments()) == 40


def test_a_declined_payment_gives_its_room_back(processing: Processing) -> None:
    for number in range(8):
        assert pay(processing, number, SandboxOutcome.CARD_DECLINED) == "card_declined"
    assert [pay(processing, number) for number in range(8, 14)] == ["authorized"] * 5 + ["customer_daily_limit"]


def test_what_the_sweeper_declines_gives_its_room_back_once(processing: Processing) -> None:
    order = replace(ORDER, token=sandbox_token(SandboxOutcome.UNKNOWN_THEN_DECLINED, "n"))
    processing.refusal(order)
    assert spent(processing) == [1099]
    processing.clock.advance(SETTLED_WITHIN)
    processing.sweep()
    processing.sweep()
    assert spent(processing) == [0]
    assert document(processing.authorize(order))["status"] == "declined"
    assert spent(processing) == [0]


@pytest.mark.parametrize(("conflicts", "answered"), [(1, True), (3, True), (4, False)])
def test_a_transaction_that_meets_another_one_is_written_again(
    processing: Processing, conflicts: int, answered: bool
) -> None:
    pauses: list[float] = []
    processing.ledger._pause = pauses.append
    processing.dynamodb.conflicts = conflicts
    if answered:
        assert pay(processing, 1) == "authorized"
        assert spent(processing) == [AMOUNT]
    else:
        assert processing.refusal() is ErrorCode.STORAGE_UNAVAILABLE
        assert spent(processing) == []
    assert len(pauses) == min(conflicts, 3)


def test_a_new_day_begins_at_midnight_utc(processing: Processing) -> None:
    assert [pay(processing, number) for number in range(6)][-1] == "customer_daily_limit"
    processing.clock.advance(timedelta(hours=12))
    assert pay(processing, 6) == "authorized"


def test_a_replay_does_not_count_again(processing: Processing) -> None:
    assert [pay(processing, 1) for _ in range(9)] == ["authorized"] * 9
    assert spent(processing) == [AMOUNT]
