"""Entry point of the fraud function."""

from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import boto3

from fraud_detection.attempt import Attempt
from fraud_detection.block_list import BlockList
from fraud_detection.scoring import Thresholds
from fraud_detection.screening import Screening
from fraud_detection.velocity import VelocityCounter, VelocityTable
from payment_core.aws import client_config
from payment_core.boundary import Call, as_document, serve_call
from payment_core.clock import utc_now
from payment_core.configuration import read_configuration
from payment_core.http import Response, json_response
from payment_core.release_identity import LambdaContext

# The block list and a counter each for card, customer and address.
CALLS_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class FraudConfiguration:
    """The parameters that this function reads."""

    velocity_table_name: str
    velocity_limit_per_card: int
    velocity_limit_per_customer: int
    velocity_limit_per_address: int
    velocity_window_seconds: int
    fraud_amount_high_minor: int
    fraud_review_score: int
    fraud_decline_score: int


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer processing with a decision; a failure is a problem document, which holds no decision."""
    return as_document(serve_call(event, context, operations={"score": _score}))


def _score(call: Call) -> Response:
    assessment = _screening().screen(Attempt.parse(call.payload), now=utc_now())
    return json_response(200, assessment.document(), outcome=_OUTCOMES[assessment.decision])


_OUTCOMES = {"approve": "approved", "review": "reviewed", "decline": "declined"}


def _screening() -> Screening:
    configuration = read_configuration(FraudConfiguration)
    client, table_name = _dynamodb_client(), configuration.velocity_table_name
    return Screening(
        counter=VelocityCounter(
            client=client, table_name=table_name, window_seconds=configuration.velocity_window_seconds
        ),
        block_list=BlockList(client=client, table_name=table_name),
        limits={
            "card": configuration.velocity_limit_per_card,
            "customer": configuration.velocity_limit_per_customer,
            "address": configuration.velocity_limit_per_address,
        },
        thresholds=Thresholds(
            review_score=configuration.fraud_review_score,
            decline_score=configuration.fraud_decline_score,
            amount_high_minor=configuration.fraud_amount_high_minor,
        ),
        executor=_executor(),
    )


@cache
def _executor() -> Executor:
    return ThreadPoolExecutor(CALLS_AT_ONCE)


@cache
def _dynamodb_client() -> VelocityTable:
    return cast(VelocityTable, boto3.client("dynamodb", config=client_config(usual_host=True)))
