"""A card number is recognised in whatever a client may name things by, and nothing else is taken for one."""

import uuid
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_core.card_numbers import holds_card_number
from payment_core.customer_id import usable_customer_id
from payment_core.luhn import check_digit
from tests.functions.cards import AMEX, DINERS, DISCOVER, JCB, MASTERCARD, UNIONPAY, VISA
from tests.functions.system import System

NUMBERS = (VISA, MASTERCARD, AMEX, DISCOVER, DINERS, JCB, UNIONPAY)
# A scheme that is not accepted, and the longest that schemes have.
OTHERS = ("6759649826438453", "4" * 18 + check_digit("4" * 18))


def _grouped(number: str, separator: str) -> str:
    cuts = (4, 10) if len(number) < 16 else (4, 8, 12, 16)
    bounds = [0, *(cut for cut in cuts if cut < len(number)), len(number)]
    return separator.join(number[start:end] for start, end in pairwise(bounds))


@pytest.mark.parametrize("number", [*NUMBERS, *OTHERS])
@pytest.mark.parametrize("around", ["{}", "cus{}x", "order-{}", "a_{}_b", "1234-{}", "{}-1", "{}-4242"])
def test_a_card_number_is_found_in_one_piece_and_in_groups(number: str, around: str) -> None:
    assert holds_card_number(around.format(number))
    for separator in "-_. ":
        if around != "cus{}x":
            assert holds_card_number(around.format(_grouped(number, separator))), separator


@given(st.uuids(), st.sampled_from(["{}", "order-{}", "{}_1234", "1234-{}", "{}-1234-5678-9012"]))
def test_a_uuid_is_never_taken_for_one(made: uuid.UUID, around: str) -> None:
    assert not holds_card_number(around.format(made))
    assert not holds_card_number(around.format(made.hex))
    assert not holds_card_number(around.format(made.hex.upper()))


# Digits more often than by chance, and never nothing else.
_digits = st.text("0123456789" * 3 + "abcdef", min_size=23, max_size=31)


@given(_digits, st.sampled_from("abcdef"), st.integers(0, 23), st.sampled_from(["{}", "cus_{}", "{}-7"]))
def test_ids_that_programs_draw_are_customers_ids(digits: str, letter: str, place: int, around: str) -> None:
    """Object ids and UUIDs without dashes: one in fifty has thirteen decimal digits in a row."""
    assert usable_customer_id(around.format(digits[:place] + letter + digits[place:]))


def test_a_uuid_that_is_full_of_a_card_number_s_digits_is_not_taken_for_one() -> None:
    assert not holds_card_number(str(uuid.UUID(f"{VISA}{MASTERCARD}")))
    assert not holds_card_number(uuid.UUID(f"a{VISA}b{MASTERCARD[:14]}").hex)
    assert not holds_card_number(f"pay_{uuid.UUID(f'a{VISA}b{MASTERCARD[:14]}').hex}")


@pytest.mark.parametrize(
    "text",
    ["cus_1", "order-20260301120000", "1772366400000", f"{VISA}0", f"{VISA[:-1]}1", "4242-4242-4242", "0" * 16],
)
def test_other_numbers_are_not_taken_for_one(text: str) -> None:
    assert not holds_card_number(text)


def test_no_request_gets_a_card_number_in_under_another_name(system: System) -> None:
    before = system.cloud.dynamodb.writes
    for number in (MASTERCARD, _grouped(MASTERCARD, "-")):
        named = system.put_customer(f"cus_{number}")
        assert (named.status, named.json["field"]) == (400, "customer_id")
        assert system.send("GET", f"/customers/cus_{number}").status == 404
        assert system.send("GET", f"/payments?customer=cus_{number}").status == 400
    for number in (VISA, _grouped(VISA, "-")):
        assert system.pay(card={"number": VISA}, key=f"order-{number}").json["code"] == "idempotency_key_invalid"
    assert system.cloud.dynamodb.writes == before


@pytest.mark.parametrize("key", ["order-4539578763600001", "1772366400000000000", "4000056655665556"])
def test_a_key_that_is_a_long_number_by_chance_is_taken(system: System, key: str) -> None:
    """One that was taken once must be taken again, by whatever release: its payment may have been made."""
    assert system.pay(key=key).status == 201
