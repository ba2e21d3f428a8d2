"""Request bodies: strict JSON, checked against the same schemas that API Gateway enforces."""

import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn, cast

import fastjsonschema

from payment_core.errors import ErrorCode, InvalidRequest

_MALFORMED = "The body must be one JSON object in UTF-8, without floats and without repeated names."


def read_document(body: bytes, *, schema: str) -> dict[str, Any]:
    """The JSON object in `body`, valid under `payment_core/schemas/<schema>.json`.

    Raises `InvalidRequest`; neither it nor what it is chained to carries anything from the body, for the libraries'
    own messages quote their input, and that may be a card number.
    """
    try:
        document = json.loads(
            body.decode("utf-8"),
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            object_pairs_hook=_object_without_repeats,
        )
    except (ValueError, RecursionError):
        raise InvalidRequest(ErrorCode.BODY_MALFORMED, _MALFORMED) from None
    try:
        _validator(schema)(document)
    except fastjsonschema.JsonSchemaValueException as violation:
        raise InvalidRequest(
            ErrorCode.BODY_INVALID,
            f"The body breaks the documented rule: {violation.rule}.",
            field=_field(violation),
        ) from None
    return cast("dict[str, Any]", document)


@cache
def _validator(schema: str) -> Callable[[Any], Any]:
    text = files("payment_core").joinpath("schemas", f"{schema}.json").read_text("utf-8")
    validator: Callable[[Any], Any] = fastjsonschema.compile(json.loads(text))
    return validator


def _field(violation: fastjsonschema.JsonSchemaValueException) -> str | None:
    """The path of the offending field as our schemas spell it; nothing that a caller could have named."""
    return ".".join(str(part) for part in violation.path[1:]) or None


def _refuse_number(_literal: str) -> NoReturn:
    raise ValueError("not a whole number")


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name is repeated")
    return document
