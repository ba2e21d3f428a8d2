"""A signed HTTP client of the payment API, as a merchant's system would have one."""

import json
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials

from integ_tests.cards import Card

TIMEOUT_SECONDS: Final = 15
# Aurora that scaled to zero and functions that are cold say so, and when to come again.
AWAKE_WITHIN_SECONDS: Final = 60
RETRYABLE: Final = frozenset({503, 504})
LONGEST_PAUSE_SECONDS: Final = 5.0
THROTTLED: Final = 429
THROTTLED_PAUSE_SECONDS: Final = 0.2
UNTHROTTLED_WITHIN_SECONDS: Final = 20


class CallFailed(Exception):
    """No answer came, or one that must never come. Says nothing about what was sent."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        document = json.loads(self.content)
        assert isinstance(document, dict), f"{self.status}: not a JSON object"
        return document

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0]

    def __str__(self) -> str:
        return f"{self.status} {self.content[:500].decode(errors='replace')}"


@dataclass(frozen=True, repr=False)
class Body:
    """What is sent. It does not show when a test fails."""

    content: bytes
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<body of {len(self.content)} bytes>"


def json_body(document: object) -> Body:
    return Body(json.dumps(document).encode())


def payment_body(card: Card, **fields: object) -> Body:
    """A payment of `card`; `fields` replace or add to the usual ones."""
    document = {
        "amount_minor": 1099,
        "currency": "USD",
        "card": {"number": card.number, "expiry_month": 12, "expiry_year": time.gmtime().tm_year + 2, "cvv": card.cvv},
        **fields,
    }
    return Body(json.dumps(document).encode(), secrets=(card.number,))


class PaymentClient:
    """Calls below `base_url`. Without credentials requests are not signed.

    `AWS_ENDPOINT_URL_EXECUTE_API` names another place to send to, as it does for the AWS SDKs: requests are
    signed for the real host and carry its name.
    """

    def __init__(self, base_url: str, *, region: str, credentials: Credentials | ReadOnlyCredentials | None) -> None:
        self._base_url = base_url.rstrip("/")
        self._signer = SigV4Auth(credentials, "execute-api", region) if credentials else None
        self._http = requests.Session()
        self._http.trust_env = False  # no netrc, which would replace the signature

    def put_customer(self, customer_id: str, **terms: object) -> Answer:
        document = {
            "status": "active",
            "currency": "USD",
            "per_payment_limit_minor": 500_000,
            "daily_limit_minor": 5_000_000,
            **terms,
        }
        return self.send("PUT", f"/customers/{customer_id}", json_body(document))

    def pay(self, body: Body, *, key: str | None = None) -> Answer:
        return self.send("POST", "/payments", body, headers={"Idempotency-Key": key or str(uuid.uuid4())})

    def payment(self, payment_id: str) -> Answer:
        return self.send("GET", f"/payments/{payment_id}")

    def change(self, payment_id: str, kind: str, amount_minor: int | None = None, *, key: str | None = None) -> Answer:
        """`kind` is `capture`, `void` or `refunds`; without an amount all that is left."""
        document = {} if amount_minor is None else {"amount_minor": amount_minor}
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.send("POST", f"/payments/{payment_id}/{kind}", json_body(document), headers=headers)

    def send(
        self, method: str, path: str, body: Body | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request, one answer; again when the stage was too busy to look at it. Raises `CallFailed`.

        A stage's throttle (429) refuses before anything has been done, so repeating is safe for every method. A small
        environment's is reached by tests that follow each other fast.
        """
        deadline = time.monotonic() + UNTHROTTLED_WITHIN_SECONDS
        while (answer := self._send_once(method, path, body, headers=headers)).status == THROTTLED:
            if time.monotonic() > deadline:
                raise CallFailed(f"{method} {path}: throttled for {UNTHROTTLED_WITHIN_SECONDS} s")
            time.sleep(float(answer.headers.get("retry-after") or THROTTLED_PAUSE_SECONDS))
        return answer

    def _send_once(self, method: str, path: str, body: Body | None, *, headers: Mapping[str, str] | None) -> Answer:
        content = body.content if body else b""
        url = self._base_url + path
        prepared = AWSRequest(
            method=method,
            url=url,
            data=content,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        if self._signer:
            self._signer.add_auth(prepared)
        try:
            response = self._http.request(
                method,
                _destination(url),
                data=content,
                headers={**dict(prepared.headers.items()), "Host": urlsplit(url).netloc},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # Not chained: the cause's traceback holds the body.
            raise CallFailed(f"{method} {path}: {type(error).__name__}") from None
        for secret in body.secrets if body else ():
            if secret.encode() in response.content or secret in str(response.headers):
                raise CallFailed(f"{method} {path}: the answer contains the card number")
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            content=response.content,
        )

    def wake(self, method: str, path: str, body: Body, *, key: str | None = None) -> Answer:
        """Repeat a request that may be repeated until it is answered. Raises `CallFailed` after a minute."""
        headers = {"Idempotency-Key": key} if key else None
        deadline = time.monotonic() + AWAKE_WITHIN_SECONDS
        while True:
            answer = self.send(method, path, body, headers=headers)
            if answer.status not in RETRYABLE:
                return answer
            if time.monotonic() > deadline:
                raise CallFailed(f"{method} {path}: still {answer} after {AWAKE_WITHIN_SECONDS} s")
            pause = float(answer.headers.get("retry-after") or 1)
            time.sleep(min(pause, LONGEST_PAUSE_SECONDS))


def _destination(url: str) -> str:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_EXECUTE_API")
    if not endpoint:
        return url
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return endpoint.rstrip("/") + parts.path + query
