"""Whoever waits waits longer than whoever works: API 10 s, validation 9 s, processing 6 s, the database 2 s."""

from payment_core import aws
from payment_validation.submission import PROCESSING_CONNECT_SECONDS, PROCESSING_READ_SECONDS
from stages.compute import TIMEOUTS
from stages.constructs.private_integration import TIMEOUT
from transaction_processing.composition import FRAUD_READ_SECONDS
from transaction_processing.database import DEADLINE_SECONDS
from transaction_processing.idempotency import LEASE


def seconds(function: str) -> float:
    return float(TIMEOUTS[function].to_seconds())


def test_the_api_waits_longer_than_the_functions_behind_it() -> None:
    assert TIMEOUT.to_seconds() > seconds("validation") > seconds("processing")


def test_validation_waits_until_processing_has_ended_and_can_still_answer() -> None:
    assert seconds("processing") < PROCESSING_READ_SECONDS
    # What is left is for configuration and key service; whoever has used it up hands nothing on.
    assert seconds("validation") >= PROCESSING_CONNECT_SECONDS + PROCESSING_READ_SECONDS + 2


def test_a_key_s_lease_outlives_whoever_holds_it() -> None:
    assert LEASE.total_seconds() > seconds("processing")


def test_who_asks_for_a_score_waits_longer_than_the_score_may_take() -> None:
    assert seconds("fraud") < FRAUD_READ_SECONDS
    assert seconds("processing") > aws.CONNECT_SECONDS + FRAUD_READ_SECONDS


def test_services_and_database_answer_or_fail_before_the_function() -> None:
    assert seconds("processing") > aws.ATTEMPTS * (aws.CONNECT_SECONDS + aws.READ_SECONDS)
    assert DEADLINE_SECONDS == 2
