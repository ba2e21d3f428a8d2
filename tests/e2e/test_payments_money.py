"""Money is conserved to the minor unit, whatever the parts it moves in and however many ask at once."""

from __future__ import annotations

import random
from typing import Any

import pytest

from local.merchant import Answer, Merchant
from tests.e2e.card_numbers import draw_cards
from tests.e2e.trial import Trial, at_once, until_answered

CURRENCIES = ("USD", "JPY", "BHD")
LARGEST = 9999
AT_ONCE = 8


def parts(chance: random.Random, total: int) -> list[int]:
    """`total` in two to five parts."""
    cuts = sorted(chance.sample(range(1, total), min(total - 1, chance.randrange(1, 5))))
    return [high - low for low, high in zip([0, *cuts], [*cuts, total], strict=True)]


def authorised(trial: Trial, merchant: Merchant, currency: str) -> dict[str, Any]:
    customer = trial.name(currency.lower())
    assert until_answered(lambda: merchant.open_customer(customer, currency=currency)).status == 200
    (card,) = draw_cards(trial.random, 1)
    amount = trial.random.randrange(10, LARGEST)
    key = trial.name(f"key-{currency.lower()}")

    def pay() -> Answer:
        return merchant.pay(customer, amount, card_number=card.number, cvv=card.cvv, currency=currency, key=key)

    # A large amount is refused, to be repeated, while nobody scores it in time: where functions are just starting.
    answer = until_answered(pay)
    assert (answer.status, answer.body["status"]) == (201, "authorized"), answer
    return answer.body


def ledger(trial: Trial, payment_id: str) -> list[dict[str, Any]]:
    """All that is on record about one payment: its present, its events, its operations."""
    found = [item for item in trial.items("transactions") if item["pk"] == f"PAY#{payment_id}"]
    return sorted(found, key=lambda item: str(item["sk"]))


def refused(answer: Answer, code: str) -> None:
    assert (answer.status, answer.body["code"]) == (422, code), answer


def writes_about_money(trial: Trial, before: dict[str, Any]) -> list[str]:
    """What has been written since, counters of the fraud rule apart.

    Money that moves is never scored; a score that was asked for just before this test may still be counted.
    """
    return [write for write in trial.writes_since(before) if not write.startswith("velocity ")]


@pytest.mark.parametrize("currency", CURRENCIES)
def test_what_is_captured_and_refunded_in_parts_adds_up(trial: Trial, currency: str) -> None:
    merchant, moved = trial.merchant(), 0
    for _ in range(trial.size(small=1, full=10)):
        payment = authorised(trial, merchant, currency)
        payment_id, amount = payment["payment_id"], payment["amount_minor"]
        to_capture = trial.random.randrange(2, amount + 1)

        captured = 0
        for part in parts(trial.random, to_capture):
            captured += part
            answer = merchant.change(payment_id, "capture", part)
            assert (answer.status, answer.body["captured_minor"]) == (200, captured)
        assert captured == to_capture

        before = trial.written()
        refused(merchant.change(payment_id, "capture", amount - captured + 1), "capture_exceeds_authorization")
        refused(merchant.change(payment_id, "refunds", captured + 1), "refund_exceeds_capture")
        assert writes_about_money(trial, before) == []

        refunded = 0
        for part in parts(trial.random, trial.random.randrange(2, captured + 1)):
            refunded += part
            answer = merchant.change(payment_id, "refunds", part)
            assert (answer.status, answer.body["refunded_minor"]) == (201, refunded)
        before = trial.written()
        refused(merchant.change(payment_id, "refunds", captured - refunded + 1), "refund_exceeds_capture")
        assert writes_about_money(trial, before) == []

        shown = merchant.read(payment_id).body
        assert (shown["amount_minor"], shown["captured_minor"], shown["refunded_minor"]) == (amount, captured, refunded)
        (meta,) = (item for item in ledger(trial, payment_id) if item["sk"] == "META")
        assert (meta["captured_minor"], meta["refunded_minor"]) == (captured, refunded)
        events = [item for item in ledger(trial, payment_id) if str(item["sk"]).startswith("EVT#")]
        assert [event["version"] for event in events] == list(range(1, len(events) + 1))
        assert events[-1]["state"] == meta["state"] == ("refunded" if refunded == captured else "partially_refunded")
        moved += captured + refunded
    trial.say(f"{currency}: {moved} minor units captured and refunded in parts, conserved")


@pytest.mark.parametrize("kind", ["capture", "refunds"])
def test_of_many_at_once_only_as_much_moves_as_there_is(trial: Trial, kind: str) -> None:
    """Each asks for more than the share that would fit all."""
    merchant = trial.merchant()
    for _ in range(trial.size(small=1, full=10)):
        payment = authorised(trial, merchant, "USD")
        payment_id, amount = payment["payment_id"], payment["amount_minor"]
        if kind == "refunds":
            assert merchant.change(payment_id, "capture").status == 200
        each = amount // (AT_ONCE // 2)

        answers = at_once([lambda: merchant.change(payment_id, kind, each)] * AT_ONCE)  # noqa: B023 - at once

        done = [answer for answer in answers if answer.status in (200, 201)]
        # Who lost five rounds to the others is told to come again: nothing moved for it.
        assert {answer.status for answer in answers} <= {200, 201, 409, 422}
        shown = merchant.read(payment_id).body
        assert shown["captured_minor" if kind == "capture" else "refunded_minor"] == len(done) * each <= amount
        trial.say(f"{kind}: {AT_ONCE} at once of {each} out of {amount}: {len(done)} done")
