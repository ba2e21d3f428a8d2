"""Payments and reads of them, as fast as they are answered, and which release answered each."""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass, field

import requests

from local.single_environment import Environment

CUSTOMER = "cus_traffic"
CARDS = ("4242424242424242", "5555555555554444", "4000056655665556", "2223003122003222")
FAULT = 500


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One answer: when it was asked for and given, in seconds since 1970, by which colour."""

    sent_at: float
    answered_at: float
    colour: str
    status: int
    method: str = ""
    outcome: str = ""
    """The payment's status, or the problem's code."""

    @property
    def milliseconds(self) -> float:
        return (self.answered_at - self.sent_at) * 1000

    @property
    def failed(self) -> bool:
        return self.status >= FAULT or self.status == 0


@dataclass
class Traffic:
    """Each client makes a payment and reads it `reads` times, again and again, until the block is left."""

    environment: Environment
    clients: int
    reads: int
    per_second: float | None = None
    """At most so many requests; None is as many as are answered."""
    seen: list[Seen] = field(default_factory=list)

    def __enter__(self) -> Traffic:
        """A few cards and one customer pay more often here than any person would."""
        ssm, prefix = self.environment.session().client("ssm"), f"/payment/{self.environment.target.suffix}/config"
        for subject in ("card", "customer", "address"):
            name = f"{prefix}/velocity-limit-per-{subject}"
            ssm.put_parameter(Name=name, Value="1000000", Type="String", Overwrite=True)
        self._merchant = self.environment.merchant()
        assert self._merchant.open_customer(CUSTOMER, daily_limit_minor=999_999_999).status == 200
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(n,), daemon=True) for n in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def rate(self, seconds: float) -> float:
        """Requests a second, over the next seconds."""
        before = len(self.seen)
        self._ended.wait(seconds)
        return (len(self.seen) - before) / seconds

    def between(self, start: float, end: float) -> list[Seen]:
        """What was asked for and answered in that time."""
        return [each for each in list(self.seen) if start <= each.sent_at and each.answered_at <= end]

    def _client(self, number: int) -> None:
        with requests.Session() as session:
            session.trust_env = False
            turn = number
            while not self._ended.is_set():
                turn += self.clients
                paid = self._ask(session, "POST", "/payments", _order(CARDS[turn % len(CARDS)]))
                for _ in range(self.reads if paid else 0):
                    self._ask(session, "GET", f"/payments/{paid}", None)

    def _ask(self, session: requests.Session, method: str, path: str, body: object) -> str | None:
        """The payment's id, if the answer has one."""
        headers = {"Idempotency-Key": str(uuid.uuid4())} if body else {}
        sent = time.time()
        try:
            answer = session.request(
                method,
                self._merchant.base_url + path,
                data=json.dumps(body).encode() if body else b"",
                headers={"Content-Type": "application/json", **headers},
                auth=self._merchant.signature,
                timeout=30,
            )
        except requests.RequestException as error:
            name = type(error).__name__
            self.seen.append(
                Seen(sent_at=sent, answered_at=time.time(), colour="nobody", status=0, method=method, outcome=name)
            )
            return None
        answered = time.time()
        said = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        self.seen.append(
            Seen(
                sent_at=sent,
                answered_at=answered,
                colour=answer.headers.get("x-release-color", "nobody"),
                status=answer.status_code,
                method=method,
                outcome=str(said.get("code") or said.get("status")),
            )
        )
        if self.per_second:
            self._ended.wait(max(0.0, self.clients / self.per_second - (time.time() - sent)))
        found = said.get("payment_id") if answer.ok else None
        return str(found) if found else None


def _order(card_number: str) -> dict[str, object]:
    card = {"number": card_number, "expiry_month": 12, "expiry_year": 2034, "cvv": "123"}
    return {"amount_minor": 1, "currency": "USD", "customer_id": CUSTOMER, "card": card}
