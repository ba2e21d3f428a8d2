"""Sentinel cards through success and every failure, then a search of everything that anyone keeps."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ParamValidationError, ReadTimeoutError

import payment_validation.composition
from payment_validation.card import Card
from tests.functions import cards
from tests.functions.cards import payment_body
from tests.functions.system import System
from tests.functions.workers import forget_workers

NUMBER, CVV = cards.AMEX, "0007"
CARD = {"number": NUMBER, "cvv": CVV}


class Leaky:
    """A token provider that fails as badly as it can."""

    def tokenize(self, card: Card) -> str:
        raise RuntimeError(f"cannot tokenize {card.number} with {card.cvv}")


def _kms_quotes(system: System, _: pytest.MonkeyPatch) -> None:
    system.cloud.kms.failure = ParamValidationError(report=f"Invalid value {NUMBER} {CVV}")


def _kms_crashes(system: System, _: pytest.MonkeyPatch) -> None:
    system.cloud.kms.failure = RuntimeError(f"{NUMBER} {CVV}")


def _kms_away(system: System, _: pytest.MonkeyPatch) -> None:
    system.cloud.kms.failure = ConnectTimeoutError(endpoint_url="https://kms.invalid")


def _vault_leaks(_: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_validation.composition, "TOKEN_PROVIDERS", {"sandbox": Leaky})


def _processing_silent(system: System, _: pytest.MonkeyPatch) -> None:
    system.cloud.functions.failure = ReadTimeoutError(endpoint_url="https://lambda.invalid")


def _fraud_away(system: System, _: pytest.MonkeyPatch) -> None:
    system.cloud.functions.failure = ConnectTimeoutError(endpoint_url="https://lambda.invalid")
    system.cloud.functions.failing = "payment-test-fraud"


def _database_away(system: System, _: pytest.MonkeyPatch) -> None:
    system.cloud.ssm.values["database-port"] = "9"


def _store_away(system: System, _: pytest.MonkeyPatch) -> None:
    system.cloud.dynamodb.time_out("transact_write_items", after_writing=True)


def _unconfigured(system: System, _: pytest.MonkeyPatch) -> None:
    del system.cloud.ssm.values["fingerprint-key-id"]


def _nothing(_: System, __: pytest.MonkeyPatch) -> None:
    pass


Arrange = Callable[[System, pytest.MonkeyPatch], None]
GOOD = payment_body(card=CARD)
PATHS: list[tuple[str, Arrange, Any, str]] = [
    ("success", _nothing, GOOD, "201"),
    ("unknown customer", _nothing, payment_body(card=CARD, customer_id="cus_none"), "201"),
    ("check digit", _nothing, payment_body(card={**CARD, "number": NUMBER[:-1] + "6"}), "card_number_invalid"),
    ("expired", _nothing, payment_body(card={**CARD, "expiry_year": 2020}), "card_expired"),
    ("code length", _nothing, payment_body(card={**CARD, "cvv": "007"}), "cvv_invalid"),
    ("cut off", _nothing, json.dumps(GOOD).encode()[:-1], "body_malformed"),
    ("number as a float", _nothing, json.dumps(GOOD).replace(f'"{NUMBER}"', f"{NUMBER}.0").encode(), "body_malformed"),
    ("number as an integer", _nothing, payment_body(card={**CARD, "number": int(NUMBER)}), "body_invalid"),
    ("number with spaces", _nothing, payment_body(card={**CARD, "number": f"{NUMBER} "}), "body_invalid"),
    ("number as a name", _nothing, {**GOOD, NUMBER: CVV}, "body_invalid"),
    ("number in a wrong field", _nothing, payment_body(card=CARD, currency=NUMBER), "body_invalid"),
    ("key service quotes", _kms_quotes, GOOD, "fingerprint_unavailable"),
    ("key service crashes", _kms_crashes, GOOD, "internal_error"),
    ("key service away", _kms_away, GOOD, "fingerprint_unavailable"),
    ("vault leaks", _vault_leaks, GOOD, "internal_error"),
    ("processing silent", _processing_silent, GOOD, "outcome_unknown"),
    ("fraud away", _fraud_away, GOOD, "fraud_unavailable"),
    ("database away", _database_away, GOOD, "database_unavailable"),
    ("store away", _store_away, GOOD, "storage_unavailable"),
    ("unconfigured", _unconfigured, GOOD, "configuration_unavailable"),
]


def _spellings(secret: str) -> dict[str, str]:
    """The ways in which a secret may hide in text; of base64, the part that does not depend on its neighbours."""
    raw = secret.encode()
    hidden = {"hex": raw.hex(), **{name: hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256")}}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        hidden[f"base64+{offset}"] = encoded[(0, 2, 3)[offset] : len(encoded) - 4]
    return hidden


def find_card_data(text: str) -> list[str]:
    """In which spellings number and security code are in `text`."""
    found = [name for name, spelling in _spellings(NUMBER).items() if spelling.lower() in text.lower()]
    # Four digits may be part of anything: the code counts where it stands by itself.
    for name, secret in (("number", NUMBER), ("security code", CVV)):
        if re.search(rf"(?<![0-9A-Za-z]){secret}(?![0-9A-Za-z])", text):
            found.append(name)
    hashed = [hashlib.new(name, CVV.encode()).hexdigest() for name in ("md5", "sha1", "sha256")]
    return found + [spelling for spelling in hashed if spelling in text]


@pytest.mark.parametrize(("arrange", "body", "outcome"), [path[1:] for path in PATHS], ids=[path[0] for path in PATHS])
def test_no_card_data_is_left_anywhere(
    system: System,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    arrange: Arrange,
    body: object,
    outcome: str,
) -> None:
    arrange(system, monkeypatch)
    forget_workers()
    capfd.readouterr()
    caplog.clear()
    answer = system.send("POST", "/payments", body, key="k-1")
    assert outcome in (str(answer.status), answer.json.get("code"))
    printed = capfd.readouterr()
    kept = {
        "stdout": printed.out,
        "stderr": printed.err,
        "log records": "\n".join(
            f"{record.getMessage()} {record.exc_text} {record.__dict__}" for record in caplog.records
        ),
        "answer": f"{answer.headers}{answer.text}",
        "tables": system.cloud.stored(),
        "topic": "".join(system.cloud.sns.messages),
        "calls between functions": b"".join(system.cloud.functions.payloads).decode(),
    }
    assert "request_served" in printed.out
    assert {place: found for place, text in kept.items() if (found := find_card_data(text))} == {}


@pytest.mark.parametrize(
    "leak",
    [
        f"number {NUMBER}.",
        NUMBER.encode().hex(),
        hashlib.sha256(NUMBER.encode()).hexdigest(),
        hashlib.md5(NUMBER.encode()).hexdigest(),  # noqa: S324
        f'{{"cvv": "{CVV}"}}',
        *(base64.b64encode(b"x" * offset + NUMBER.encode() + b"tail").decode() for offset in range(7)),
    ],
)
def test_the_search_finds_what_it_looks_for(leak: str) -> None:
    assert find_card_data(leak)
