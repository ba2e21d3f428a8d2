"""A merchant's client of the payment API: an IAM role that may call it, and requests that are signed."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.aws import Endpoint

ROLE_NAME = "demo-merchant"
TEST_CARD = "4242424242424242"  # a published test number


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response of the payment API."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def served_by(self) -> str:
        return f"{self.headers.get('x-release-color', '?')} version {self.headers.get('x-release-version', '?')}"


class Merchant:
    """Calls one environment's API as a role of that environment's account."""

    def __init__(self, *, endpoint: Endpoint, account: str, api_url: str) -> None:
        self._endpoint, self._api_url = endpoint, api_url.rstrip("/")
        self._credentials = _merchant_credentials(endpoint.session(account), account)

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Sign for the API's own host name and send to the embedded AWS, which answers in its place."""
        url = self._api_url + path
        data = b"" if body is None else json.dumps(body).encode()
        signed = AWSRequest(method=method, url=url, data=data, headers={"Content-Type": "application/json", **headers})
        SigV4Auth(self._credentials, "execute-api", self._endpoint.region).add_auth(signed)
        parts = urlsplit(url)
        response = requests.request(
            method,
            f"{self._endpoint.url}{parts.path}" + (f"?{parts.query}" if parts.query else ""),
            data=data,
            headers={**dict(signed.headers.items()), "Host": parts.netloc},
            timeout=30,
        )
        try:
            parsed = response.json()
        except ValueError:
            parsed = {"raw": response.text[:500]}
        return Answer(
            status=response.status_code, headers={k.lower(): v for k, v in response.headers.items()}, body=parsed
        )

    def open_customer(self, customer_id: str) -> Answer:
        limits = {"per_payment_limit_minor": 500_000, "daily_limit_minor": 2_000_000}
        return self.request("PUT", f"/customers/{customer_id}", {"status": "active", "currency": "USD", **limits})

    def pay(self, customer_id: str, amount_minor: int, *, card_number: str = TEST_CARD) -> Answer:
        card = {"number": card_number, "expiry_month": 12, "expiry_year": 2034, "cvv": "123"}
        body = {"amount_minor": amount_minor, "currency": "USD", "customer_id": customer_id, "card": card}
        return self.request("POST", "/payments", body, **{"Idempotency-Key": str(uuid.uuid4())})

    def read(self, payment_id: str) -> Answer:
        return self.request("GET", f"/payments/{payment_id}")


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
