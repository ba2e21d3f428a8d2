"""Clients that pay as fast as they are answered, and what they saw."""

from __future__ import annotations

import json
import math
import time
import uuid
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
        ordered = sorted(self.milliseconds)
        return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


@dataclass(frozen=True, kw_only=True)
class Load:
    """Requests of an account's administrator, each a payment of its own."""

    endpoint: Endpoint
    account: str
    customer_id: str

    def run(self, url: str, *, requests: int, clients: int) -> Measured:
        """Send `requests` payments to `url` by `clients` at a time; anything but 2xx is an error."""
        started = time.monotonic()
        with ThreadPoolExecutor(clients) as pool:
            shares = [requests // clients] * clients
            answers = [answer for share in pool.map(lambda count: self._client(url, count), shares) for answer in share]
        return Measured(
            milliseconds=tuple(milliseconds for _, milliseconds in answers),
            seconds=time.monotonic() - started,
            errors=sum(not 200 <= status < 300 for status, _ in answers),
        )

    def _client(self, url: str, count: int) -> list[tuple[int, float]]:
        with requests.Session() as session:
            return [self._pay(session, url) for _ in range(count)]

    def _pay(self, session: requests.Session, url: str) -> tuple[int, float]:
        card = {"number": TEST_CARD, "expiry_month": 12, "expiry_year": 2034, "cvv": "123"}
        body = {"amount_minor": 1, "currency": "USD", "customer_id": self.customer_id, "card": card}
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        signed = AWSRequest(method="POST", url=url, data=data, headers=headers)
        SigV4Auth(Credentials(self.account, SECRET_KEY), "execute-api", self.endpoint.region).add_auth(signed)
        parts = urlsplit(url)
        started = time.monotonic()
        response = session.post(
            self.endpoint.url + parts.path,
            data=data,
            headers={**dict(signed.headers.items()), "Host": parts.netloc},
            timeout=TIMEOUT_SECONDS,
        )
        return response.status_code, (time.monotonic() - started) * 1000
