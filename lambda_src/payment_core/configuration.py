"""Configuration lives in Parameter Store under one prefix; a function knows only the prefix."""

import os
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, Protocol, TypeVar, cast, get_type_hints

import boto3
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError

from payment_core.aws import client_config
from payment_core.errors import DependencyUnavailable, ErrorCode

# A change in Parameter Store reaches every worker within this time.
MAX_AGE_SECONDS = 60

Model = TypeVar("Model")


class ParameterSource(Protocol):
    """Reads parameters by their whole names, ten with one call."""

    def get_parameters_by_name(
        self, parameters: dict[str, dict[str, Any]], *, max_age: int, raise_on_error: bool
    ) -> Mapping[str, object]: ...


@cache
def parameter_store() -> ParameterSource:
    """Parameter Store with Powertools' cache."""
    # A client of boto3's own session: a second session reads botocore's data a second time.
    return cast(ParameterSource, SSMProvider(boto3_client=boto3.client("ssm", config=client_config())))


def read_configuration(model: type[Model], *, source: ParameterSource | None = None) -> Model:
    """Build the dataclass `model` from the parameters below the prefix, at most `MAX_AGE_SECONDS` old.

    A field `velocity_limit_per_card: int` is the parameter `velocity-limit-per-card`; types are `str` and `int`. By
    name and not by path, which would read everything, page by page, for whoever needs three of them.
    Raises `DependencyUnavailable` when parameters cannot be read, are missing, or are not of their type.
    """
    prefix = os.environ["PARAMETER_PREFIX"].rstrip("/")
    names = {field.name: f"{prefix}/{field.name.replace('_', '-')}" for field in fields(model)}  # type: ignore[arg-type]
    try:
        values = (source or parameter_store()).get_parameters_by_name(
            {name: {} for name in names.values()}, max_age=MAX_AGE_SECONDS, raise_on_error=False
        )
    except (BotoCoreError, ClientError, GetParameterError) as error:
        raise _unavailable(prefix) from error
    hints = get_type_hints(model)
    arguments: dict[str, object] = {}
    for field, name in names.items():
        if name not in values:
            raise _unavailable(name)
        try:
            arguments[field] = hints[field](values[name])
        except ValueError as error:
            raise _unavailable(name) from error
    return model(**arguments)


def _unavailable(parameter: str) -> DependencyUnavailable:
    return DependencyUnavailable(
        ErrorCode.CONFIGURATION_UNAVAILABLE, "The service is not configured right now.", subject=parameter
    )
