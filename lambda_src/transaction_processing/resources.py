"""The resources that merchants read and write here: their payments and their customers."""

import re
from collections.abc import Mapping

from payment_core.caller import merchant_id
from payment_core.customer_id import usable_customer_id
from payment_core.documents import read_document
from payment_core.errors import ErrorCode, InvalidRequest
from payment_core.http import Request, Response, json_response
from payment_core.idempotency_key import idempotency_key
from payment_core.money import Money
from transaction_processing.changes import PaymentChange
from transaction_processing.customers import CustomerStatus, CustomerStore, CustomerTerms
from transaction_processing.errors import CustomerNotFound, PaymentNotFound
from transaction_processing.ledger import Ledger
from transaction_processing.operations import Operation
from transaction_processing.pending import OperationKind

_PAYMENT_ID = re.compile(r"pay_[0-9a-f]{32}")
_SCHEMAS = {
    OperationKind.CAPTURE: "capture_payment",
    OperationKind.VOID: "void_payment",
    OperationKind.REFUND: "refund_payment",
}


def get_payment(request: Request, arguments: Mapping[str, str], *, ledger: Ledger) -> Response:
    """Answer `GET /payments/{payment_id}`. Raises `PaymentNotFound` for another merchant's payment too."""
    merchant, payment_id = merchant_id(request.headers), arguments["payment_id"]
    payment = ledger.find(payment_id) if _PAYMENT_ID.fullmatch(payment_id) else None
    if payment is None or payment.merchant_id != merchant:
        raise PaymentNotFound
    return json_response(200, payment.view(), outcome="payment_shown")


def change_payment(
    request: Request, arguments: Mapping[str, str], *, kind: OperationKind, use_case: PaymentChange
) -> Response:
    """Answer `POST /payments/{payment_id}/capture`, `/void` and `/refunds`."""
    merchant, payment_id = merchant_id(request.headers), arguments["payment_id"]
    key = idempotency_key(request.headers)
    body = read_document(request.body or b"{}", schema=_SCHEMAS[kind])
    if not _PAYMENT_ID.fullmatch(payment_id):
        raise PaymentNotFound
    operation = Operation(kind=kind, payment_id=payment_id, idempotency_key=key, amount_minor=body.get("amount_minor"))
    return use_case.change(operation, merchant_id=merchant, correlation_id=request.correlation_id)


def get_health(_request: Request, _arguments: Mapping[str, str]) -> Response:
    """Answer `GET /health`: the way to this function is open. Asks nobody, so that a database may sleep."""
    return json_response(200, {"status": "ok"}, outcome="healthy")


def get_customer(request: Request, arguments: Mapping[str, str], *, customers: CustomerStore) -> Response:
    """Answer `GET /customers/{customer_id}`."""
    merchant, customer_id = merchant_id(request.headers), arguments["customer_id"]
    if not usable_customer_id(customer_id):
        raise CustomerNotFound
    customer = customers.find(merchant_id=merchant, customer_id=customer_id)
    if customer is None:
        raise CustomerNotFound
    return json_response(200, customer.view(), outcome="customer_shown")


def put_customer(request: Request, arguments: Mapping[str, str], *, customers: CustomerStore) -> Response:
    """Answer `PUT /customers/{customer_id}`."""
    merchant, customer_id = merchant_id(request.headers), arguments["customer_id"]
    if not usable_customer_id(customer_id):
        raise InvalidRequest(
            ErrorCode.BODY_INVALID,
            "A customer's id has 1 to 64 letters, digits, dashes and underscores, and holds no card number.",
            field="customer_id",
        )
    body = read_document(request.body, schema="put_customer")
    for limit in ("per_payment_limit_minor", "daily_limit_minor"):
        Money(amount_minor=body[limit], currency=body["currency"])
    terms = CustomerTerms(**{**body, "status": CustomerStatus(body["status"])})
    customer = customers.put(merchant_id=merchant, customer_id=customer_id, terms=terms)
    return json_response(200, customer.view(), outcome="customer_stored")
