"""Telling somebody about payments that could not be made."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from payment_core import logs
from payment_core.errors import DependencyUnavailable, PaymentError, Unexpected


class FailureNotifier(Protocol):
    """The port to whoever looks after failed payments."""

    def notify(self, *, payment_id: str, merchant_id: str, correlation_id: str, failure: PaymentError) -> None:
        """Say that a payment failed. Never raises: a payment's answer does not depend on its notification."""
        ...


@contextmanager
def told(failures: FailureNotifier, *, payment_id: str, merchant_id: str, correlation_id: str) -> Iterator[None]:
    """Tell of what is ours when the block fails: a dependency, or a mistake that nobody has thought of."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, PaymentError) or isinstance(error, DependencyUnavailable):
            failures.notify(
                payment_id=payment_id,
                merchant_id=merchant_id,
                correlation_id=correlation_id,
                failure=error if isinstance(error, PaymentError) else Unexpected(),
            )
        raise


class SnsClient(Protocol):
    """The part of boto3's SNS client that is used here."""

    def publish(self, *, TopicArn: str, Message: str) -> Any: ...  # noqa: N803


class FailureTopic:
    """Publishes to SNS. The client is made when there is something to publish, which is hardly ever."""

    def __init__(self, *, client: Callable[[], SnsClient], topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def notify(self, *, payment_id: str, merchant_id: str, correlation_id: str, failure: PaymentError) -> None:
        message = {
            "payment_id": payment_id,
            "merchant_id": merchant_id,
            "code": failure.code,
            "retryable": failure.retryable,
            "correlation_id": correlation_id,
        }
        try:
            self._client().publish(TopicArn=self._topic_arn, Message=json.dumps(message))
        except (BotoCoreError, ClientError) as error:
            logs.error("failure_notification_lost", **logs.describe(error, payment_id=payment_id))
