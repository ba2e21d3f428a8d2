"""Merchants that pay without a pause, and what was promised to them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests

from local.merchant import Answer, Merchant
from tests.e2e.card_numbers import TestCard
from tests.e2e.trial import until_answered


@dataclass(frozen=True, kw_only=True)
class Order:
    """A payment to be made. `patient` clients repeat it until they know, and then capture and refund what they mean to;
    others send it once and go."""

    key: str
    customer: str
    amount_minor: int
    card: TestCard
    patient: bool
    capture_minor: int = 0
    refund_minor: int = 0


@dataclass(kw_only=True)
class Log:
    """The final answers by key. What is not in `answers` has been given up by its client."""

    answers: dict[str, Answer] = field(default_factory=dict)
    changes: list[Answer] = field(default_factory=list)
    """What captures and refunds were answered."""
    orders: dict[str, Order] = field(default_factory=dict)
    seconds: float = 0.0

    def acknowledged(self) -> dict[str, Answer]:
        return {key: answer for key, answer in self.answers.items() if answer.status == 201}


def draw_orders(
    chance: random.Random, *, count: int, customers: list[str], cards: list[TestCard], patient: float
) -> list[Order]:
    """One payment in four is captured as well, in part or whole, and half of those are refunded in part or whole."""

    def draw(index: int) -> Order:
        amount = chance.randrange(1, 500)
        capture = chance.randrange(1, amount + 1) if chance.random() < 1 / 4 else 0
        return Order(
            # Eight digits at a time: sixteen could be taken for a card number.
            key=f"order-{chance.getrandbits(32):08x}-{chance.getrandbits(32):08x}-{index}",
            customer=chance.choice(customers),
            amount_minor=amount,
            card=chance.choice(cards),
            patient=chance.random() < patient,
            capture_minor=capture,
            refund_minor=chance.randrange(1, capture + 1) if capture and chance.random() < 1 / 2 else 0,
        )

    return [draw(index) for index in range(count)]


def pay(merchant: Merchant, order: Order) -> Answer:
    return merchant.pay(
        order.customer, order.amount_minor, card_number=order.card.number, cvv=order.card.cvv, key=order.key
    )


def pay_all(
    merchant: Merchant, orders: list[Order], *, clients: int, between: Callable[[int], None] = lambda _: None
) -> Log:
    """Make all payments, as many at a time as there are clients; `between` is told how many are done."""
    log, lock, started = Log(orders={order.key: order for order in orders}), threading.Lock(), time.monotonic()
    waiting: Iterator[Order] = iter(orders)
    done = 0

    def client() -> None:
        nonlocal done
        while True:
            with lock:
                order = next(waiting, None)
            if order is None:
                return
            changes: list[Answer] = []
            if order.patient:
                log.answers[order.key] = answer = until_answered(lambda order=order: pay(merchant, order))  # type: ignore[misc]
                changes = _change(merchant, order, answer)
            else:
                _once(merchant, order)
            with lock:
                log.changes += changes
                done += 1
                between(done)

    with ThreadPoolExecutor(clients) as pool:
        for work in [pool.submit(client) for _ in range(clients)]:
            work.result()
    log.seconds = time.monotonic() - started
    return log


def _change(merchant: Merchant, order: Order, paid: Answer) -> list[Answer]:
    """Capture and refund what is meant to be, each under a key of its own."""
    wanted = [("capture", order.capture_minor), ("refunds", order.refund_minor)]
    if paid.body["status"] != "authorized":
        return []
    return [
        until_answered(
            lambda kind=kind, amount=amount: merchant.change(  # type: ignore[misc]
                paid.body["payment_id"], kind, amount, key=f"{kind}-{order.key}"
            )
        )
        for kind, amount in wanted
        if amount
    ]


def _once(merchant: Merchant, order: Order) -> None:
    try:
        pay(merchant, order)
    except requests.RequestException:
        return
