"""Which host names the functions call where a network speaks IPv6 only to the outside.

Secrets Manager: https://docs.aws.amazon.com/secretsmanager/latest/userguide/ip-access.html
"""

from collections.abc import Callable
from typing import Any

import pytest

import audit_writer.handler
import fraud_detection.handler
import payment_core.configuration
import payment_validation.composition
import schema_migration.handler
import secret_rotation.handler
import transaction_processing.composition
import transaction_processing.customer_database


@pytest.mark.parametrize(
    ("make", "host"),
    [
        (payment_core.configuration.parameter_store, "ssm.us-east-1.api.aws"),
        (payment_validation.composition._kms_client, "kms.us-east-1.api.aws"),
        (payment_validation.composition._lambda_client, "lambda.us-east-1.api.aws"),
        (transaction_processing.composition._lambda_client, "lambda.us-east-1.api.aws"),
        (transaction_processing.composition._sns_client, "sns.us-east-1.api.aws"),
        (transaction_processing.customer_database._secrets, "secretsmanager.us-east-1.amazonaws.com"),
        (schema_migration.handler._secrets_client, "secretsmanager.us-east-1.amazonaws.com"),
        (secret_rotation.handler._secrets_client, "secretsmanager.us-east-1.amazonaws.com"),
        (transaction_processing.composition._dynamodb_client, "dynamodb.us-east-1.amazonaws.com"),
        (fraud_detection.handler._dynamodb_client, "dynamodb.us-east-1.amazonaws.com"),
        (audit_writer.handler._s3_client, "s3.amazonaws.com"),
    ],
)
def test_over_ipv6_each_service_is_called_where_it_answers(
    make: Any, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    uncached: Callable[[], Any] = make.__wrapped__
    made = uncached()
    client = getattr(made, "client", made)
    assert client.meta.endpoint_url == f"https://{host}"
