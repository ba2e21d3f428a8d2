"""Configuration lives in Parameter Store under one prefix; a function knows only the prefix."""

import os
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Protocol, TypeVar, get_type_hints

import boto3
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from payment_core.aws import client_config
from payment_core.errors import DependencyUnavailable, ErrorCode

# A change in Parameter Store reaches every worker within this time.
MAX_AGE_SECONDS = 60

Model = TypeVar("Model")


class ParameterSource(Protocol):
    """Reads all parameters directly below a path, by their names relative to it."""

    def get_multiple(self, path: str, max_age: int | None = None) -> Mapping[str, object]: ...


@cache
def parameter_store() -> ParameterSource:
    """Parameter Store with Powertools' cache."""
    # A client of boto3's own session: a second session reads botocore's data a second time.
    return SSMProvider(boto3_client=boto3.client("ssm", config=client_config()))


def read_configuration(model: type[Model], *, source: ParameterSource | None = None) -> Model:
    """Build the dataclass `model` from the parameters below the prefix, at most `MAX_AGE_SECONDS` old.

    A field `velocity_limit_per_card: int` is the parameter `velocity-limit-per-card`; types are `str` and `int`.
    Raises `DependencyUnavailable` when parameters cannot be read, are missing, or are not of their type.
    """
    prefix = os.environ["PARAMETER_PREFIX"].rstrip("/")
    try:
        values = (source or parameter_store()).get_multiple(prefix, max_age=MAX_AGE_SECONDS)
    except GetParameterError as error:
        raise _unavailable(prefix) from error
    hints = get_type_hints(model)
    arguments: dict[str, object] = {}
    for field in fields(model):  # type: ignore[arg-type]
        name = field.name.replace("_", "-")
        if name not in values:
            raise _unavailable(f"{prefix}/{name}")
        try:
            arguments[field.name] = hints[field.name](values[name])
        except ValueError as error:
            raise _unavailable(f"{prefix}/{name}") from error
    return model(**arguments)


def _unavailable(parameter: str) -> DependencyUnavailable:
    return DependencyUnavailable(
        ErrorCode.CONFIGURATION_UNAVAILABLE, "The service is not configured right now.", subject=parameter
    )
