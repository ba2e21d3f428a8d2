"""Bodies are read strictly, and what is wrong with them is said without repeating it."""

import json
from importlib.resources import files

import jsonschema
import pytest

from payment_core.documents import read_document
from payment_core.errors import ErrorCode, InvalidRequest
from tests.functions.cards import VISA, payment_body

SCHEMAS = ["create_payment", "put_customer", "capture_payment", "refund_payment", "void_payment"]


def _refusal(body: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        read_document(body, schema="create_payment")
    assert VISA not in f"{refused.value!r}{refused.value.message}{refused.value.field}"
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    return refused.value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        json.dumps(payment_body()).encode()[:-1],
        json.dumps(payment_body()).replace("1099", "10.99").encode(),
        json.dumps(payment_body()).replace("1099", "1e3").encode(),
        json.dumps(payment_body()).replace("1099", "NaN").encode(),
        json.dumps(payment_body()).replace('"currency"', '"amount_minor": 1, "currency"').encode(),
        b"[" * 100_000,
        b'{"amount_minor": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_not_strict_json_is_malformed(body: bytes) -> None:
    assert _refusal(body).code is ErrorCode.BODY_MALFORMED


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], None),
        (payment_body(surprise=1), None),
        (payment_body(card={"pin": "1234"}), "card"),
        (payment_body(amount_minor="1099"), "amount_minor"),
        (payment_body(amount_minor=0), "amount_minor"),
        (payment_body(amount_minor=True), "amount_minor"),
        (payment_body(currency="usd"), "currency"),
        (payment_body(customer_id="cus 1"), "customer_id"),
        (payment_body(card={"number": VISA + "\n"}), "card.number"),
        (payment_body(card={"number": f"{VISA} "}), "card.number"),
        (payment_body(card={"number": "\u0664" * 16}), "card.number"),
        (payment_body(card={"expiry_month": 13}), "card.expiry_month"),
        (payment_body(card={"cvv": "12"}), "card.cvv"),
    ],
)
def test_what_breaks_the_schema_is_named_by_its_field(body: object, field: str | None) -> None:
    refusal = _refusal(json.dumps(body).encode())
    assert (refusal.code, refusal.field) == (ErrorCode.BODY_INVALID, field)


def test_a_name_that_a_caller_made_up_is_not_repeated() -> None:
    refusal = _refusal(json.dumps({**payment_body(), VISA: 1}).encode())
    assert refusal.code is ErrorCode.BODY_INVALID


def test_a_good_body_comes_back_as_it_was() -> None:
    assert read_document(json.dumps(payment_body()).encode(), schema="create_payment") == payment_body()


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_of_the_dialect_that_api_gateway_reads(name: str) -> None:
    schema = json.loads(files("payment_core").joinpath("schemas", f"{name}.json").read_text())
    jsonschema.Draft4Validator.check_schema(schema)

    def objects(part: object) -> list[dict[str, object]]:
        if not isinstance(part, dict):
            return []
        own = [part] if part.get("type") == "object" else []
        return own + [found for child in part.values() for found in objects(child)]

    assert all(part["additionalProperties"] is False for part in objects(schema))
