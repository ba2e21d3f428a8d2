"""The database's password changes under load: no payment fails, and an old password is worth nothing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from local.merchant import Answer, Merchant
from tests.e2e.card_numbers import TestCard, draw_cards
from tests.e2e.outage import Database
from tests.e2e.trial import Trial, at_once, until_answered, wait_for

CLIENTS = 4
ROTATED_WITHIN_SECONDS = 60.0
PAID_BETWEEN = 10


class PaymentFailed(Exception):
    """The database did not let the payment in."""


class Payers:
    """Clients that pay until they are told to stop, and what became of each payment.

    One that was cut off, as on a machine that is too busy, is repeated; one that missed the database is not.
    """

    def __init__(self, merchant: Merchant, customer: str, cards: list[TestCard]) -> None:
        self.answers: list[Answer] = []
        self.repeated = 0
        self._merchant, self._customer, self._cards = merchant, customer, cards
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._work = [self._pool.submit(self._pay, number) for number in range(CLIENTS)]

    def stop(self) -> None:
        """Raises what a client has met that was no answer."""
        self._stop.set()
        self._pool.shutdown()
        for work in self._work:
            work.result()

    def _pay(self, number: int) -> None:
        while not self._stop.is_set():
            card = self._cards[(len(self.answers) + number) % len(self._cards)]
            key = f"{self._customer}-{number}-{len(self.answers)}"
            self.answers.append(until_answered(lambda card=card, key=key: self._once(card, key)))  # type: ignore[misc]

    def _once(self, card: TestCard, key: str) -> Answer:
        answer = self._merchant.pay(self._customer, 1, card_number=card.number, cvv=card.cvv, key=key)
        self.repeated += answer.status in (502, 503, 504)
        if answer.body.get("code") == "database_unavailable":
            raise PaymentFailed(answer.body)
        return answer


def test_no_payment_fails_while_the_password_is_rotated(trial: Trial) -> None:
    rotations, merchant, customer = (
        trial.size(small=2, full=20),
        trial.merchant(),
        trial.name("rotated"),
    )
    database = Database(session=trial.environment.session(), suffix=trial.suffix)
    vault = trial.environment.session().client("secretsmanager")

    with trial.without_velocity_limits():
        assert until_answered(lambda: merchant.open_customer(customer)).status == 200
        at_once([lambda: until_answered(lambda: merchant.pay(customer, 1))] * CLIENTS)
        payers = Payers(merchant, customer, draw_cards(trial.random, 50))
        logins = [database.login("app")]
        try:
            for _ in range(rotations):
                vault.rotate_secret(SecretId=f"payment/{trial.suffix}/database/app")
                wait_for(
                    lambda: database.login("app") != logins[-1],
                    within=ROTATED_WITHIN_SECONDS,
                    what="the secret has changed",
                )
                logins.append(database.login("app"))
                # A connection that breaks now meets a password that may be two rotations old in its worker's cache.
                database.end_sessions_of(logins[-2]["username"])
                paid = len(payers.answers)
                wait_for(
                    lambda paid=paid: len(payers.answers) >= paid + PAID_BETWEEN,  # type: ignore[misc]
                    within=ROTATED_WITHIN_SECONDS,
                    what="payments under the new password",
                )
        finally:
            payers.stop()

    failed = [answer for answer in payers.answers if (answer.status, answer.body.get("status")) != (201, "authorized")]
    assert failed == []
    assert {entry["username"] for entry in logins} == {"payment_app", "payment_app_clone"}
    accepted = [database.accepts(entry) for entry in logins]
    assert accepted == [False] * (rotations - 1) + [True, True]
    trial.say(
        f"{rotations} rotations under {len(payers.answers)} payments: 0 failed, {payers.repeated} were repeated for "
        f"other reasons than the database; {rotations - 1} passwords two or more rotations old were refused"
    )
