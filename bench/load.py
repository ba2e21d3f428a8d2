"""Clients that pay as fast as they are answered, and what they saw."""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws import SECRET_KEY, Endpoint
from local.merchant import TEST_CARD

TIMEOUT_SECONDS = 30
AUTHORIZED = "authorized"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """`milliseconds` of every answered request; `seconds` is how long all clients took together."""

    milliseconds: tuple[float, ...]
    seconds: float
    errors: int

    def __add__(self, other: Measured) -> Measured:
        return Measured(
            milliseconds=self.milliseconds + other.milliseconds,
            seconds=self.seconds + other.seconds,
            errors=self.errors + other.errors,
        )

    @property
    def requests_per_second(self) -> float:
        return len(self.milliseconds) / self.seconds

    def percentile_ms(self, percent: float) -> float:
        return percentile(self.milliseconds, percent)


@dataclass(frozen=True, kw_only=True)
class Load:
    """Requests of an account's administrator, each a payment of its own; each client pays for its own customer."""

    endpoint: Endpoint
    account: str

    def open_customers(self, api_url: str, *, clients: int) -> None:
        """Let the clients' customers pay. Raises `requests.HTTPError`."""
        limits = {"per_payment_limit_minor": 500_000, "daily_limit_minor": 2_000_000}
        body = {"status": "active", "currency": "USD", **limits}
        with requests.Session() as session:
            for client in range(clients):
                url = f"{api_url.rstrip('/')}/customers/{_customer(client)}"
                self._send(session, "PUT", url, body).raise_for_status()

    def run(self, url: str, *, requests: int, clients: int) -> Measured:
        """Send `requests` payments to `url` by `clients` at a time; what is not 2xx, or not authorized, is an error."""
        started = time.monotonic()
        with ThreadPoolExecutor(clients) as pool:
            shares = pool.map(lambda client: self._client(url, client, requests // clients), range(clients))
            answers = [answer for share in shares for answer in share]
        return Measured(
            milliseconds=tuple(milliseconds for _, milliseconds in answers),
            seconds=time.monotonic() - started,
            errors=sum(not done for done, _ in answers),
        )

    def _client(self, url: str, client: int, count: int) -> list[tuple[bool, float]]:
        with requests.Session() as session:
            return [self._pay(session, url, _customer(client)) for _ in range(count)]

    def _pay(self, session: requests.Session, url: str, customer_id: str) -> tuple[bool, float]:
        card = {"number": TEST_CARD, "expiry_month": 12, "expiry_year": 2034, "cvv": "123"}
        body = {"amount_minor": 1, "currency": "USD", "customer_id": customer_id, "card": card}
        started = time.monotonic()
        response = self._send(session, "POST", url, body)
        milliseconds = (time.monotonic() - started) * 1000
        return response.ok and response.json().get("status", AUTHORIZED) == AUTHORIZED, milliseconds

    def _send(self, session: requests.Session, method: str, url: str, body: object) -> requests.Response:
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        signed = AWSRequest(method=method, url=url, data=data, headers=headers)
        SigV4Auth(Credentials(self.account, SECRET_KEY), "execute-api", self.endpoint.region).add_auth(signed)
        parts = urlsplit(url)
        return session.request(
            method,
            self.endpoint.url + parts.path,
            data=data,
            headers={**dict(signed.headers.items()), "Host": parts.netloc},
            timeout=TIMEOUT_SECONDS,
        )


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def _customer(client: int) -> str:
    return f"cus_bench_{client}"
