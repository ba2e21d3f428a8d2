"""Functions' processes are killed under load: what was acknowledged is there, once, and nothing stays open."""

from __future__ import annotations

import itertools
import json
import os
import random
from collections import Counter
from dataclasses import dataclass, field

import psutil

from local.merchant import Merchant
from tests.e2e.card_numbers import TestCard, draw_cards
from tests.e2e.paying import Log, Order, draw_orders, pay, pay_all
from tests.e2e.trial import PAYING, Item, Trial, at_once, until_answered, wait_for

# More or fewer, where there is more or less time: a payment each 40 ms on an idle machine of two cores.
PAYMENTS = int(os.environ.get("PAYMENTS_COUNT") or 10_000)
KILLS = max(100, PAYMENTS * 12 // 1000)
CLIENTS = 8
CUSTOMERS = 20
PATIENT = 0.98
TERMINAL_WITHIN_SECONDS = 60.0
OPEN = {"received", "review", "unknown"}
# What became of an authorisation that a merchant has captured or refunded, and the authorisation itself.
AUTHORISED = {"authorized", "captured", "partially_refunded", "refunded"}
# Of the sandbox: a decline, a time-out before anything happened, and two outcomes that are unknown at first.
SANDBOX_CARDS = ("4000000000000002", "4000000000000341", "4000000000000119", "4000000000006975")


@dataclass(kw_only=True)
class Killer:
    """Kills a worker of a function after each number of payments that was drawn."""

    trial: Trial
    after: dict[int, str]
    chance: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    due: list[str] = field(default_factory=list)

    def __call__(self, done: int) -> None:
        if done in self.after:
            self.due.append(self.after[done])
        if self.due and self._kill(self.due[0]):
            self.due.pop(0)

    def _kill(self, function: str) -> bool:
        """After a kill a function may have no process until the next payment: then that one is waited for."""
        workers = self.trial.workers(function)
        if not workers:
            return False
        try:
            self.chance.choice(workers).kill()
        except psutil.NoSuchProcess:
            return False
        self.killed[function] += 1
        return True


def open_payments(trial: Trial, customers: set[str]) -> list[str]:
    """Those without an outcome, after one sweep, which a schedule does every minute."""
    swept = trial.environment.session().client("lambda").invoke(FunctionName=f"payment-{trial.suffix}-sweeper")
    assert not swept.get("FunctionError"), json.loads(swept["Payload"].read()).get("errorType")
    return [
        payment["payment_id"]
        for payment in trial.payments(customers)
        if payment["state"] in OPEN or "pending_operation_id" in payment
    ]


def test_killed_workers_lose_double_and_leave_open_no_payment(trial: Trial) -> None:
    count, kills = trial.size(small=200, full=PAYMENTS), trial.size(small=6, full=KILLS)
    merchant, chance = trial.merchant(), trial.random
    customers = [trial.name("killed") for _ in range(CUSTOMERS)]
    cards = [*draw_cards(chance, 46), *(TestCard(number=number, cvv="737") for number in SANDBOX_CARDS)]
    orders = draw_orders(chance, count=count, customers=customers, cards=cards, patient=PATIENT)
    moments = chance.sample(range(count // 50, count * 9 // 10), kills)
    # In any order, but each function as often as the others.
    killer = Killer(trial=trial, after=dict(zip(moments, itertools.cycle(PAYING), strict=False)), chance=chance)

    with trial.without_velocity_limits():
        limits = {"per_payment_limit_minor": 1_000, "daily_limit_minor": 999_999_999}
        for customer in customers:
            opened = until_answered(lambda customer=customer: merchant.open_customer(customer, **limits))  # type: ignore[misc]
            assert opened.status == 200
        log = pay_all(merchant, orders, clients=CLIENTS, between=killer)
        wait_for(
            lambda: not open_payments(trial, set(customers)),
            within=TERMINAL_WITHIN_SECONDS,
            every=1.0,
            what="no payment without an outcome",
        )

    assert sum(killer.killed.values()) == kills
    payments = {payment["payment_id"]: payment for payment in trial.payments(set(customers))}
    assert_all_are_there_once(log, payments)
    captured, refunded = assert_changes_are_made_once(log, payments)
    assert_history_is_whole(trial, payments)
    assert_days_add_up(trial, payments)
    assert_replays_are_identical(trial, merchant, log)
    states = Counter(str(payment["state"]) for payment in payments.values())
    trial.say(
        f"{len(orders)} payments in {log.seconds:.0f} s ({len(orders) / log.seconds:.1f}/s), killed "
        f"{dict(killer.killed)}: {len(log.acknowledged())} acknowledged, {dict(states)}, {len(log.changes)} captures "
        f"and refunds of {captured} and {refunded} minor units; none lost, doubled or open"
    )


def assert_all_are_there_once(log: Log, payments: dict[str, Item]) -> None:
    acknowledged = log.acknowledged()
    assert {answer.status for answer in log.answers.values()} == {201}
    assert len({answer.body["payment_id"] for answer in acknowledged.values()}) == len(acknowledged)
    for key, answer in acknowledged.items():
        order, stored = log.orders[key], payments[answer.body["payment_id"]]
        assert (stored["amount_minor"], stored["customer_id"]) == (order.amount_minor, order.customer)
        assert (stored["state"] in AUTHORISED) == (answer.body["status"] == "authorized")
    impatient = sum(not order.patient for order in log.orders.values())
    assert len(acknowledged) <= len(payments) <= len(acknowledged) + impatient


def assert_changes_are_made_once(log: Log, payments: dict[str, Item]) -> tuple[int, int]:
    """Returns what was captured and refunded in all, in minor units."""
    assert [answer.status for answer in log.changes if answer.status not in {200, 201}] == []
    captured = refunded = 0
    for key, answer in log.acknowledged().items():
        order, stored = log.orders[key], payments[answer.body["payment_id"]]
        meant = (order.capture_minor, order.refund_minor) if answer.body["status"] == "authorized" else (0, 0)
        assert (stored.get("captured_minor", 0), stored.get("refunded_minor", 0)) == meant
        captured, refunded = captured + meant[0], refunded + meant[1]
    return captured, refunded


def assert_history_is_whole(trial: Trial, payments: dict[str, Item]) -> None:
    """Versions without a gap, and one outcome, however many processes have worked on the payment."""
    histories: dict[str, list[Item]] = {}
    for item in trial.items("transactions"):
        if item["sk"].startswith("EVT#"):
            histories.setdefault(item["pk"].removeprefix("PAY#"), []).append(item)
    for payment_id, payment in payments.items():
        events = sorted(histories[payment_id], key=lambda event: int(event["version"]))
        assert [int(event["version"]) for event in events] == list(range(1, int(payment["version"]) + 1))
        # An operation that is pending is an event, too, and leaves the state as it is.
        states = [state for state, _ in itertools.groupby(event["state"] for event in events)]
        outcomes = [state for state in states if state in {"authorized", "declined"}]
        assert outcomes == ["authorized" if payment["state"] in AUTHORISED else "declined"]


def assert_days_add_up(trial: Trial, payments: dict[str, Item]) -> None:
    """What the days of the customers hold is what was authorised: nothing was taken twice or not given back."""
    authorised: Counter[str] = Counter()
    for payment in payments.values():
        if payment["state"] in AUTHORISED:
            authorised[payment["customer_id"]] += int(payment["amount_minor"])
    spent: Counter[str] = Counter()
    customers = {payment["customer_id"] for payment in payments.values()}
    for item in trial.items("transactions"):
        if item["sk"] == "SPENT" and (customer := item["pk"].split("#")[-3]) in customers:
            spent[customer] += int(item["spent_minor"])
    assert spent == authorised


def assert_replays_are_identical(trial: Trial, merchant: Merchant, log: Log) -> None:
    keys = trial.random.sample(sorted(log.acknowledged()), min(50, len(log.acknowledged())))

    def again(order: Order) -> bytes:
        return until_answered(lambda: pay(merchant, order)).content

    replays = at_once([lambda key=key: again(log.orders[key]) for key in keys], clients=CLIENTS)  # type: ignore[misc]
    assert replays == [log.answers[key].content for key in keys]
