"""A merchant's client of the payment API: an IAM role that may call it, and requests that are signed."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests.auth import AuthBase

from local.aws import Endpoint

ROLE_NAME = "demo-merchant"
TEST_CARD = "4242424242424242"  # a published test number


TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response of the payment API. `content` is its body as it was sent."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    content: bytes = field(repr=False, default=b"")

    @property
    def served_by(self) -> str:
        return f"{self.headers.get('x-release-color', '?')} version {self.headers.get('x-release-version', '?')}"


class Signature(AuthBase):
    """Signs for the API's own host name what is sent to the embedded AWS, which answers in its place."""

    def __init__(self, credentials: Credentials, *, region: str, host: str) -> None:
        self._credentials, self._region, self.host = credentials, region, host

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        signed = AWSRequest(
            method=request.method, url=f"https://{self.host}{request.path_url}", data=request.body or b""
        )
        SigV4Auth(self._credentials, "execute-api", self._region).add_auth(signed)
        request.headers.update({**dict(signed.headers.items()), "Host": self.host})
        return request


class Merchant:
    """Calls one environment's API as a role of that environment's account. May be used by many threads."""

    def __init__(self, *, endpoint: Endpoint, account: str, api_url: str) -> None:
        api = urlsplit(api_url.rstrip("/"))
        self.base_url = endpoint.url + api.path
        credentials = _merchant_credentials(endpoint.session(account), account)
        self.signature = Signature(credentials, region=endpoint.region, host=api.netloc)
        self._threads = threading.local()

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send a JSON document."""
        return self.send(method, path, b"" if body is None else json.dumps(body).encode(), **headers)

    def send(self, method: str, path: str, data: bytes = b"", **headers: str) -> Answer:
        """Send bytes as they are, as JSON unless `headers` say otherwise."""
        return self._send(method, path, data, headers, self.signature)

    def send_unsigned(self, method: str, path: str, data: bytes = b"", **headers: str) -> Answer:
        """As somebody without credentials."""
        return self._send(method, path, data, {**headers, "Host": self.signature.host}, None)

    def _send(self, method: str, path: str, data: bytes, headers: Mapping[str, str], auth: Signature | None) -> Answer:
        response = self._session().request(
            method,
            self.base_url + path,
            data=data,
            headers={"Content-Type": "application/json", **headers},
            auth=auth,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        try:
            parsed = response.json()
        except ValueError:
            parsed = {"raw": response.text[:500]}
        return Answer(
            status=response.status_code,
            headers={k.lower(): v for k, v in response.headers.items()},
            body=parsed,
            content=response.content,
        )

    def open_customer(self, customer_id: str, **terms: object) -> Answer:
        """Make or replace a customer who may pay; `terms` replace the usual ones."""
        limits = {"per_payment_limit_minor": 500_000, "daily_limit_minor": 2_000_000}
        document = {"status": "active", "currency": "USD", **limits, **terms}
        return self.request("PUT", f"/customers/{customer_id}", document)

    def pay(
        self,
        customer_id: str,
        amount_minor: int,
        *,
        card_number: str = TEST_CARD,
        cvv: str = "123",
        key: str | None = None,
        **fields: object,
    ) -> Answer:
        """Pay once under `key`, or a new one; `fields` replace or add to the usual ones."""
        card = {"number": card_number, "expiry_month": 12, "expiry_year": 2034, "cvv": cvv}
        body = {"amount_minor": amount_minor, "currency": "USD", "customer_id": customer_id, "card": card, **fields}
        return self.request("POST", "/payments", body, **{"Idempotency-Key": key or str(uuid.uuid4())})

    def change(self, payment_id: str, kind: str, amount_minor: int | None = None, *, key: str | None = None) -> Answer:
        """`kind` is `capture`, `void` or `refunds`; without an amount all that is left."""
        body = {} if amount_minor is None else {"amount_minor": amount_minor}
        return self.request(
            "POST", f"/payments/{payment_id}/{kind}", body, **{"Idempotency-Key": key or str(uuid.uuid4())}
        )

    def read(self, payment_id: str) -> Answer:
        return self.request("GET", f"/payments/{payment_id}")

    def _session(self) -> requests.Session:
        """The thread's own connection."""
        if not hasattr(self._threads, "session"):
            self._threads.session = requests.Session()
            self._threads.session.trust_env = False  # no netrc, which would replace the signature
        session: requests.Session = self._threads.session
        return session


def _merchant_credentials(admin: boto3.Session, account: str) -> Credentials:
    """Assume the merchant's role, made on first use: it may call the live stage of the payment APIs, nothing else."""
    iam = admin.client("iam")
    try:
        iam.get_role(RoleName=ROLE_NAME)
    except iam.exceptions.NoSuchEntityException:
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        iam.create_role(
            RoleName=ROLE_NAME, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        allow = {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": f"arn:aws:execute-api:{admin.region_name}:{account}:*/live/*",
        }
        iam.put_role_policy(
            RoleName=ROLE_NAME,
            PolicyName="call-payments",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        )
    role = f"arn:aws:iam::{account}:role/{ROLE_NAME}"
    temporary = admin.client("sts").assume_role(RoleArn=role, RoleSessionName="demo")["Credentials"]
    return Credentials(temporary["AccessKeyId"], temporary["SecretAccessKey"], temporary["SessionToken"])
