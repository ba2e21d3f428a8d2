"""One key, one payment: whoever repeats, how many at once, and whatever else they send with it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from local.merchant import Answer, Merchant
from tests.e2e.card_numbers import Hidden, draw_cards
from tests.e2e.trial import Trial, at_once

AT_ONCE, REPLAYS, CLIENTS = 50, 100, 8


def order(trial: Trial, customer_id: str, **fields: object) -> dict[str, Any]:
    (card,) = draw_cards(trial.random, 1)
    return {
        "amount_minor": trial.random.randrange(2, 5000),
        "currency": "USD",
        "customer_id": customer_id,
        "card": card.document(),
        **fields,
    }


def post(merchant: Merchant, body: object, key: str) -> Answer:
    return merchant.request("POST", "/payments", body, **{"Idempotency-Key": key})


def test_of_fifty_requests_at_once_with_one_key_one_makes_a_payment(trial: Trial) -> None:
    merchant = trial.merchant()
    for _ in range(trial.size(small=1, full=10)):
        customer, key = trial.name("once"), trial.name("key")
        assert merchant.open_customer(customer).status == 200
        body = order(trial, customer)

        answers = at_once([lambda body=body, key=key: post(merchant, body, key)] * AT_ONCE)  # type: ignore[misc]

        in_flight = [answer for answer in answers if answer.status == 409]
        paid = [answer for answer in answers if answer.status == 201]
        assert len(paid) + len(in_flight) == AT_ONCE, sorted(answer.status for answer in answers)
        assert {answer.body["code"] for answer in in_flight} <= {"idempotency_in_flight"}
        assert len({answer.content for answer in paid}) == 1
        assert [answer.headers.get("idempotent-replayed") for answer in paid].count(None) == 1
        (payment,) = trial.payments({customer})
        assert (payment["payment_id"], payment["state"]) == (paid[0].body["payment_id"], "authorized")
        trial.say(f"{AT_ONCE} at once: 1 payment, {len(paid) - 1} replays, {len(in_flight)} in flight")

        before = trial.written()
        replays = at_once([lambda body=body, key=key: post(merchant, body, key)] * REPLAYS, clients=CLIENTS)  # type: ignore[misc]
        assert {(answer.status, answer.content) for answer in replays} == {(201, paid[0].content)}
        assert {answer.headers.get("idempotent-replayed") for answer in replays} == {"true"}
        assert trial.writes_since(before) == []
        trial.say(f"{REPLAYS} later replays: the same {len(paid[0].content)} bytes")


def changed(chance: random.Random, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with one field that says something else."""
    other = draw_cards(chance, 1)[0]
    year = chance.choice([2030, 2031, 2032])
    return {
        **body,
        **chance.choice(
            [
                {"amount_minor": body["amount_minor"] + chance.randrange(1, 1000)},
                {"currency": chance.choice(["EUR", "JPY", "BHD"])},
                {"customer_id": f"{body['customer_id']}_{chance.randrange(1000)}"},
                {"card": other.document()},
                {"card": Hidden({**body["card"], "expiry_year": year})},
            ]
        ),
    }


def test_another_body_and_no_key_are_refused_and_write_nothing(trial: Trial) -> None:
    merchant, customer, key = trial.merchant(), trial.name("refused"), trial.name("key")
    assert merchant.open_customer(customer).status == 200
    body = order(trial, customer)
    assert post(merchant, body, key).status == 201
    tries = trial.size(small=30, full=1000)
    others = [changed(trial.random, body) for _ in range(tries // 2)]
    before, started = trial.written(), time.monotonic()

    reused = at_once([lambda other=other: post(merchant, other, key) for other in others], clients=CLIENTS)  # type: ignore[misc]
    keyless = at_once(
        [lambda other=other: merchant.request("POST", "/payments", other) for other in others],  # type: ignore[misc]
        clients=CLIENTS,
    )

    seconds = time.monotonic() - started
    assert {(answer.status, answer.body["code"]) for answer in reused} == {(422, "idempotency_key_reused")}
    assert {(answer.status, answer.body["code"]) for answer in keyless} == {(400, "invalid_request")}
    assert trial.writes_since(before) == []
    trial.say(f"{tries} tries in {seconds:.0f} s: {len(reused)} x 422, {len(keyless)} x 400, nothing written")
