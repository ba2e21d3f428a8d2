"""The contract, the code and the documentation say the same."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payment_core.problem import PROBLEMS
from stages.compute import TUNABLES
from stages.constructs import payment_api
from stages.contract import Operation, document, operations
from stages.reference import REFERENCE, reference
from tests.functions.cards import payment_body
from tests.functions.system import Answer, System
from transaction_processing.listing import PARAMETERS
from transaction_processing.states import PaymentState

CONTRACT = document()
OPERATIONS = {f"{operation.method} {operation.path}": operation for operation in operations()}
TERMS = {"status": "active", "currency": "USD", "per_payment_limit_minor": 9, "daily_limit_minor": 9}
BODIES: dict[str, Any] = {"CreatePayment": payment_body(), "PutCustomer": TERMS}

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


def _schema(reference_: str) -> dict[str, Any]:
    return {**CONTRACT, "$ref": reference_}


def _check(operation: Operation, answer: Answer) -> None:
    """The answer is one that the contract describes."""
    described = operation.described["responses"].get(str(answer.status))
    assert described is not None, f"{operation.method} {operation.path}: {answer.status} {answer.text}"
    if "$ref" in described:
        described = CONTRACT["components"]["responses"][described["$ref"].rpartition("/")[2]]
    (content_type, content), *_ = described["content"].items()
    assert answer.headers["Content-Type"] == content_type
    jsonschema.Draft4Validator(_schema(content["schema"]["$ref"])).validate(answer.json)
    for name in described.get("headers", {}):
        assert name in answer.headers or name == "Idempotent-Replayed"


def test_every_code_is_listed_with_its_status_and_no_other_is() -> None:
    own = {code for _, code, _ in payment_api.PROBLEMS.values()}
    listed = {code: problem for code, problem in CONTRACT["x-problems"].items() if code not in own}
    assert listed == {
        code.value: {
            "status": problem.status,
            "title": problem.title,
            "retryable": problem.retry_after_seconds is not None,
        }
        for code, problem in PROBLEMS.items()
    }
    assert CONTRACT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(CONTRACT["x-problems"])


def test_the_documentation_is_written_from_the_contract() -> None:
    assert REFERENCE.read_text() == reference(), "run 'make docs'"
    assert all(f"| `{code}` |" in REFERENCE.read_text() for code in PROBLEMS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_contract_says_which_errors_may_come_without_a_problem_document(name: str) -> None:
    """The load balancer answers these by itself, and API Gateway hands its page on: docs/decisions/0315."""
    without = {
        status
        for status, answer in OPERATIONS[name].described["responses"].items()
        if "$ref" in answer
        and "text/html" in CONTRACT["components"]["responses"][answer["$ref"].rpartition("/")[2]]["content"]
    }
    assert without == {"502", "503", "504"}


def test_every_setting_that_an_operator_can_change_is_documented() -> None:
    documented = "".join((REFERENCE.parent / name).read_text() for name in ("api.md", "fraud.md"))
    assert [name for name in TUNABLES if f"`{name}`" not in documented] == []


def test_the_contract_knows_every_state_and_parameter() -> None:
    assert set(CONTRACT["components"]["schemas"]["Payment"]["properties"]["status"]["enum"]) == set(PaymentState)
    assert {name for place, name, _ in OPERATIONS["GET /payments"].parameters if place == "query"} == PARAMETERS


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_functions_serve_every_operation_as_described(system: System, name: str) -> None:
    operation = OPERATIONS[name]
    made = system.pay()
    _check(OPERATIONS["POST /payments"], made)
    payment_id = made.json["payment_id"]
    if name.endswith("/refunds"):
        system.change(payment_id, "capture")
    place = "cus_1" if "customers" in name else payment_id
    body = BODIES.get(operation.model.name, {}) if operation.model else None
    query = "?customer=cus_1" if name == "GET /payments" else ""
    answer = system.send(operation.method, operation.path.replace("{id}", place) + query, body, key="k")
    assert answer.status in (200, 201), answer.text
    _check(operation, answer)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_sent_the_answer_is_in_the_contract(system: System, data: st.DataObject) -> None:
    """A small fuzz run over every operation: never a 5xx, never an answer that the contract does not describe."""
    operation = data.draw(st.sampled_from(list(OPERATIONS.values())))
    payment_id = system.pay(key="known").json["payment_id"]
    place = data.draw(st.sampled_from([payment_id, "cus_1", "a"]) | st.text("abc_%2Fé.-", min_size=1, max_size=70))
    body = _body(operation, data)
    query = data.draw(st.dictionaries(st.sampled_from([*PARAMETERS, "x"]), st.text("a1-:TZ%+é_", max_size=30)))
    key = data.draw(st.none() | st.text("k é", max_size=3) | st.uuids().map(str))
    suffix = "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else ""
    answer = system.send(operation.method, operation.path.replace("{id}", place) + suffix, body, key=key)
    assert answer.status < 500, answer.text
    if answer.status != 404:
        _check(operation, answer)


def _body(operation: Operation, data: st.DataObject) -> object:
    if operation.model is None:
        return None
    good = json.loads(json.dumps(BODIES.get(operation.model.name, {"amount_minor": 1})))
    how = data.draw(st.sampled_from(["good", "bytes", "anything", "a field"]))
    if how == "bytes":
        return data.draw(st.binary(max_size=40))
    if how == "anything":
        return data.draw(anything)
    if how == "a field":
        where = data.draw(st.sampled_from([good, *(part for part in good.values() if isinstance(part, dict))]))
        where[data.draw(st.sampled_from([*where, "surprise"]))] = data.draw(anything)
    return good
