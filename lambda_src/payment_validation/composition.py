"""Where ports meet what implements them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from payment_core.amount_limit import AmountLimit, AmountsByCurrency
from payment_core.aws import client_config
from payment_core.clock import utc_now
from payment_core.configuration import read_configuration
from payment_core.processor import SANDBOX, of_processor
from payment_validation.fingerprints import Fingerprints
from payment_validation.sandbox_tokens import SandboxTokenProvider
from payment_validation.submission import PROCESSING_CONNECT_SECONDS, PROCESSING_READ_SECONDS, Submission
from payment_validation.tokens import TokenProvider

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient

TOKEN_PROVIDERS: Mapping[str, Callable[[], TokenProvider]] = {SANDBOX: SandboxTokenProvider}


@dataclass(frozen=True, kw_only=True)
class ValidationConfiguration:
    """The parameters that this function reads."""

    processing_function_name: str
    fingerprint_key_id: str
    amount_maximum_minor: int
    amount_maximum_by_currency: AmountsByCurrency


def submission() -> Submission:
    """The function with everything it needs, configured as of now. Raises `DependencyUnavailable`."""
    configuration = read_configuration(ValidationConfiguration)
    return Submission(
        fingerprints=_fingerprints(configuration.fingerprint_key_id),
        tokens=of_processor(TOKEN_PROVIDERS)(),
        lambda_client=_lambda_client(),
        processing_function_name=configuration.processing_function_name,
        amount_maximum=AmountLimit(
            cents=configuration.amount_maximum_minor, exceptions=configuration.amount_maximum_by_currency
        ),
        clock=utc_now,
    )


@cache
def _fingerprints(key_id: str) -> Fingerprints:
    return Fingerprints(kms=_kms_client(), key_id=key_id)


@cache
def _kms_client() -> "KMSClient":
    return boto3.client("kms", config=client_config())


@cache
def _lambda_client() -> "LambdaClient":
    # One attempt: a second one would outlive the client, who retries with the same key.
    config = client_config(read_seconds=PROCESSING_READ_SECONDS, attempts=1)
    return boto3.client("lambda", config=config.merge(Config(connect_timeout=PROCESSING_CONNECT_SECONDS)))
