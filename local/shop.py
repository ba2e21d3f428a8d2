"""A shop whose customers pay while an environment shifts its traffic: a release is judged by real requests."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import requests
from botocore.exceptions import BotoCoreError, ClientError

from local.merchant import Merchant

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient

CUSTOMER = "cus_shop"
# Published test numbers, none of them the one that the demo pays with itself: each is declined after five payments a
# minute, which is an answer like any other.
CARDS = ("4012888888881881", "5555555555554444", "4000056655665556", "2223003122003222")
PRICES_MINOR = (1099, 2500, 7777)
SHIFT_ACTION = "Shift"
# One at a time: each more would have functions of both colours start while they are measured.
CUSTOMERS_AT_ONCE = 1
# Faster, and so many payments of so few cards would be declined that an alarm took the shop for a fraud.
PACE_SECONDS = 0.2
LOOK_SECONDS = 0.5
_FAULTS = 500


@dataclass
class Trade:
    """What customers saw: how many requests each colour answered, and how many of them failed."""

    answered: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)

    def note(self, *, colour: str, status: int, problem: str) -> None:
        self.answered[colour] += 1
        if status >= _FAULTS:
            self.failed[colour] += 1
            self.problems[f"{status} {problem}"] += 1

    @property
    def requests(self) -> int:
        return self.answered.total()

    def words(self) -> str:
        by_colour = (f"{c} answered {n}, {self.failed[c]} failed" for c, n in sorted(self.answered.items()))
        problems = ", ".join(f"{n} times {problem}" for problem, n in sorted(self.problems.items()))
        return f"{self.requests} requests: " + ("; ".join(by_colour) or "none") + (f" ({problems})" if problems else "")


class Shop:
    """Open while `is_open` says so; every opening is a trade of its own."""

    def __init__(self, merchant: Callable[[], Merchant], is_open: Callable[[], bool]) -> None:
        self._merchant, self._is_open = merchant, is_open
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.trades: list[Trade] = []

    @contextmanager
    def on_watch(self) -> Iterator[Shop]:
        """Open and close by itself until the block is left."""
        keeper = threading.Thread(target=self._keep, name="shop", daemon=True)
        keeper.start()
        try:
            yield self
        finally:
            self._ended.set()
            keeper.join()

    def _keep(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            if self._opens():
                self._trade()

    def _trade(self) -> None:
        trade, merchant, closed = Trade(), self._merchant(), threading.Event()
        self.trades.append(trade)
        merchant.open_customer(CUSTOMER)
        customers = [
            threading.Thread(target=self._buy, args=(merchant, trade, closed, number), daemon=True)
            for number in range(CUSTOMERS_AT_ONCE)
        ]
        for customer in customers:
            customer.start()
        while not self._ended.wait(LOOK_SECONDS) and self._opens():
            pass
        closed.set()
        for customer in customers:
            customer.join()

    def _buy(self, merchant: Merchant, trade: Trade, closed: threading.Event, first: int) -> None:
        for number in count(first, CUSTOMERS_AT_ONCE):
            if closed.is_set():
                return
            began = time.monotonic()
            price, card = PRICES_MINOR[number % len(PRICES_MINOR)], CARDS[number % len(CARDS)]
            try:
                answer = merchant.pay(CUSTOMER, price, card_number=card)
                colour, status = answer.headers.get("x-release-color", "nobody"), answer.status
                problem = str(answer.body.get("code", ""))
            except requests.RequestException:
                colour, status, problem = "nobody", _FAULTS, "no answer"
                time.sleep(LOOK_SECONDS)
            with self._lock:
                trade.note(colour=colour, status=status, problem=problem)
            closed.wait(max(0.0, PACE_SECONDS - (time.monotonic() - began)))

    def _opens(self) -> bool:
        try:
            return self._is_open()
        except (ClientError, BotoCoreError):
            return False


def while_shifting(client: CodePipelineClient, *, pipeline: str, stage: str) -> Callable[[], bool]:
    """Whether the stage's shift is under way."""

    def is_open() -> bool:
        for state in client.get_pipeline_state(name=pipeline)["stageStates"]:
            if state["stageName"] == stage:
                latest = {a["actionName"]: a.get("latestExecution", {}) for a in state["actionStates"]}
                return latest.get(SHIFT_ACTION, {}).get("status") == "InProgress"
        return False

    return is_open
