"""The three functions of an environment behind a load balancer, with AWS in memory and a real PostgreSQL."""

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any

import fraud_detection.handler
import payment_validation.handler
import transaction_processing.handler
from payment_core.postgres import Endpoint
from tests.functions.cards import payment_body
from tests.functions.cloud import MERCHANT, FakeCloud, context


@dataclass(frozen=True)
class Answer:
    """What a client gets."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class System:
    """Sends requests as the load balancer would, each as a merchant of its own system."""

    def __init__(self, cloud: FakeCloud, database: Endpoint) -> None:
        self.cloud = cloud
        self.remaining_milliseconds = 9000
        self.merchant = {**MERCHANT, "x-caller-id": f"AROA{uuid.uuid4().hex.upper()}:session"}
        self._invoked = {
            "validation": payment_validation.handler.handler,
            "processing": transaction_processing.handler.handler,
        }
        cloud.ssm.values["database-port"] = str(database.port)
        cloud.functions.handlers = {
            "payment-test-processing": transaction_processing.handler.handler,
            "payment-test-fraud": fraud_detection.handler.handler,
        }

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        colour: str = "blue",
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request; a `bytes` body is sent as it is."""
        path, _, query = path.partition("?")
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {**self.merchant, "x-correlation-id": "c-test", "content-type": "application/json", **(headers or {})}
        if key is not None:
            sent["idempotency-key"] = key
        event = {
            "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:222222222222:x"}},
            "httpMethod": method,
            "path": f"/live{path}",
            "queryStringParameters": dict(part.split("=") for part in query.split("&") if part),
            "headers": sent,
            "body": base64.b64encode(raw).decode(),
            "isBase64Encoded": True,
        }
        function = "validation" if (method, path) == ("POST", "/payments") else "processing"
        invocation = context(function, colour=colour)
        invocation.remaining_milliseconds = self.remaining_milliseconds
        answer = self._invoked[function](event, invocation)
        return Answer(status=answer["statusCode"], headers=answer["headers"], text=answer["body"])

    def pay(self, *, key: str | None = None, colour: str = "blue", **changes: Any) -> Answer:
        """A payment with a new key, unless one is given."""
        return self.send("POST", "/payments", payment_body(**changes), key=key or uuid.uuid4().hex, colour=colour)

    def change(self, payment_id: str, kind: str, body: object = None, *, key: str | None = None) -> Answer:
        """Capture, void or refund with a new key, unless one is given."""
        return self.send("POST", f"/payments/{payment_id}/{kind}", body, key=key or uuid.uuid4().hex)

    def put_customer(self, customer_id: str = "cus_1", **changes: Any) -> Answer:
        terms = {
            "status": "active",
            "currency": "USD",
            "per_payment_limit_minor": 500_000,
            "daily_limit_minor": 500_000,
        }
        return self.send("PUT", f"/customers/{customer_id}", {**terms, **changes})
