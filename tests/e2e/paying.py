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
    """A payment to be made. `patient` clients repeat it until they know; others send it once and go."""

    key: str
    customer: str
    amount_minor: int
    card: TestCard
    patient: bool


@dataclass(kw_only=True)
class Log:
    """The final answers by key. What is not in `answers` has been given up by its client."""

    answers: dict[str, Answer] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    seconds: float = 0.0

    def acknowledged(self) -> dict[str, Answer]:
        return {key: answer for key, answer in self.answers.items() if answer.status == 201}


def draw_orders(
    chance: random.Random, *, count: int, customers: list[str], cards: list[TestCard], patient: float
) -> list[Order]:
    return [
        Order(
            key=f"order-{chance.getrandbits(64):016x}-{index}",
            customer=chance.choice(customers),
            amount_minor=chance.randrange(1, 500),
            card=chance.choice(cards),
            patient=chance.random() < patient,
        )
        for index in range(count)
    ]


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
            if order.patient:
                log.answers[order.key] = until_answered(lambda order=order: pay(merchant, order))  # type: ignore[misc]
            else:
                _once(merchant, order)
            with lock:
                done += 1
                between(done)

    with ThreadPoolExecutor(clients) as pool:
        for work in [pool.submit(client) for _ in range(clients)]:
            work.result()
    log.seconds = time.monotonic() - started
    return log


def _once(merchant: Merchant, order: Order) -> None:
    try:
        pay(merchant, order)
    except requests.RequestException:
        return
