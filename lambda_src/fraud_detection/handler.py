"""Entry point of the fraud function."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import boto3

from fraud_detection.scoring import assess
from fraud_detection.velocity import UpdateItem, VelocityCounter
from payment_core.aws import client_config
from payment_core.boundary import Call, as_document, serve_call
from payment_core.clock import utc_now
from payment_core.configuration import read_configuration
from payment_core.http import Response, json_response
from payment_core.release_identity import LambdaContext


@dataclass(frozen=True, kw_only=True)
class FraudConfiguration:
    """The parameters that this function reads."""

    velocity_table_name: str
    velocity_limit_per_card: int
    velocity_window_seconds: int


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer processing with a decision; a failure is a problem document, which holds no decision."""
    return as_document(serve_call(event, context, operations={"score": _score}))


def _score(call: Call) -> Response:
    counter = _velocity_counter()
    attempt = counter.count(call.payload["fingerprint"], now=utc_now())
    assessment = assess(attempt=attempt, limit=counter.limit)
    return json_response(200, assessment.document(), outcome="approved" if assessment.approved else "declined")


def _velocity_counter() -> VelocityCounter:
    configuration = read_configuration(FraudConfiguration)
    return VelocityCounter(
        client=_dynamodb_client(),
        table_name=configuration.velocity_table_name,
        limit=configuration.velocity_limit_per_card,
        window_seconds=configuration.velocity_window_seconds,
    )


@cache
def _dynamodb_client() -> UpdateItem:
    return cast(UpdateItem, boto3.client("dynamodb", config=client_config(usual_host=True)))
