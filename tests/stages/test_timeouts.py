"""Whoever waits waits longer than whoever works: API 10 s, function 8 s, what it calls less, the database 2 s."""

from payment_core import aws
from payment_validation.composition import PROCESSING_READ_SECONDS
from stages.compute import TIMEOUTS
from stages.constructs.private_integration import TIMEOUT
from transaction_processing.composition import FRAUD_READ_SECONDS
from transaction_processing.database import DEADLINE_SECONDS


def seconds(function: str) -> float:
    return float(TIMEOUTS[function].to_seconds())


def test_the_api_waits_longer_than_the_functions_behind_it() -> None:
    assert TIMEOUT.to_seconds() == 10
    assert seconds("validation") == seconds("processing") == 8


def test_a_function_gives_up_on_another_before_its_own_time_is_over() -> None:
    assert seconds("validation") > aws.CONNECT_SECONDS + PROCESSING_READ_SECONDS
    assert seconds("processing") > aws.CONNECT_SECONDS + FRAUD_READ_SECONDS


def test_who_asks_for_a_score_waits_longer_than_the_score_may_take() -> None:
    assert seconds("fraud") < FRAUD_READ_SECONDS


def test_services_and_database_answer_or_fail_long_before_the_function() -> None:
    assert seconds("processing") > aws.ATTEMPTS * (aws.CONNECT_SECONDS + aws.READ_SECONDS)
    assert DEADLINE_SECONDS == 2
