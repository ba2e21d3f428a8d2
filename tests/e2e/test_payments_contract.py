"""Requests that are drawn from the contract, and ones that break it: every answer is one that it describes."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.merchant import Merchant
from stages.contract import document
from tests.e2e.card_numbers import draw_cards
from tests.e2e.trial import REPEAT_SECONDS, Trial, until_answered

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
AnyCase = Case[Any]
BUSY = frozenset({429, 503, 504})
ANSWERED_WITHIN_SECONDS = 10.0
TIMEOUT_SECONDS = 30
# Within every customer's limit, so that some payments are made.
MODEST = 10_000
LONG_NUMBER = re.compile(r"[0-9]{12,}")


def test_every_answer_is_one_that_the_contract_describes(trial: Trial) -> None:
    merchant, customer = trial.merchant(), trial.name("contract")
    assert until_answered(lambda: merchant.open_customer(customer)).status == 200
    examples, seen, faults = (
        trial.size(small=8, full=300),
        Counter[str](),
        list[str](),
    )

    with trial.without_velocity_limits():
        payments = [
            str(until_answered(lambda: merchant.pay(customer, 500)).body["payment_id"]) for _ in range(examples // 4)
        ]
        known = Known(trial.random, customer=customer, payments=payments)
        for result in schemathesis.openapi.from_dict(document()).get_all_operations():
            assert isinstance(result, Ok)
            operation = result.ok()
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                cases = operation.as_strategy(generation_mode=mode)

                @hypothesis.seed(trial.seed)
                @hypothesis.settings(
                    max_examples=examples,
                    deadline=None,
                    database=None,
                    phases=[hypothesis.Phase.generate],
                    suppress_health_check=list(hypothesis.HealthCheck),
                )
                @hypothesis.given(case=cases, real=st.booleans())
                def send(case: AnyCase, real: bool) -> None:
                    if real:
                        known.put_into(case)
                    status, fault = answered(merchant, case)
                    seen[f"{case.method} {status}"] += 1
                    if fault and len(faults) < 20:
                        faults.append(f"{case.method} {case.path}: {status}: {fault}")

                if not _has_no_such_cases(operation.label, mode):
                    send()

    assert faults == []
    trial.say(f"{sum(seen.values())} requests: {dict(sorted(seen.items()))}, none outside of the contract")


class Known:
    """What exists, so that requests are not only about what does not."""

    def __init__(self, chance: random.Random, *, customer: str, payments: list[str]) -> None:
        self._customer, self._payments = customer, payments
        self._cards = draw_cards(chance, 50)
        self._chance = chance

    def put_into(self, case: AnyCase) -> None:
        if "id" in (case.path_parameters or {}):
            of_customer = case.path.startswith("/customers")
            case.path_parameters["id"] = self._customer if of_customer else self._chance.choice(self._payments)
        if case.query and "customer" in case.query:
            case.query["customer"] = self._customer
        if not isinstance(case.body, dict):
            return
        if "currency" in case.body:
            case.body["currency"] = "USD"
        if "card" in case.body:
            card = self._chance.choice(self._cards)
            case.body.update(card=card.document(), customer_id=self._customer)  # type: ignore[arg-type]
        if isinstance(amount := case.body.get("amount_minor"), int):
            case.body["amount_minor"] = amount % MODEST


def answered(merchant: Merchant, case: AnyCase) -> tuple[int, str]:
    """The status, and what is wrong with the answer. Whatever looks like a card number is left out."""

    deadline = time.monotonic() + ANSWERED_WITHIN_SECONDS
    while True:
        try:
            response = requests.request(
                **case.as_transport_kwargs(base_url=merchant.base_url), auth=merchant.signature, timeout=TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            # Not raised: Hypothesis would show what was sent.
            return 0, f"no answer: {type(error).__name__}"
        # A busy machine is not a fault of the contract; an answer that stays one is.
        if response.status_code not in BUSY or time.monotonic() > deadline:
            break
        time.sleep(REPEAT_SECONDS)
    try:
        case.validate_response(response, checks=CHECKS)
    except FailureGroup as failures:
        return response.status_code, "; ".join(_masked(failure) for failure in failures.exceptions)
    except Failure as failure:
        return response.status_code, _masked(failure)
    return response.status_code, ""


def _masked(failure: Exception) -> str:
    text = f"{getattr(failure, 'title', '')}: {getattr(failure, 'message', failure)}"
    return LONG_NUMBER.sub("<digits>", text)[:600]


def _has_no_such_cases(label: str, mode: GenerationMode) -> bool:
    """An operation that takes nothing has nothing to break."""
    return label == "GET /health" and mode is GenerationMode.NEGATIVE
