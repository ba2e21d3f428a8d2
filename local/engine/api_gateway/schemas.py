"""JSON schemas of models, draft 4 as API Gateway has it, compiled once per deployment.

https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings-models.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4


class InvalidModelError(ValueError):
    """A model's schema is not one of draft 4."""


def compiled(schemas: Mapping[str, str], *, api_id: str) -> dict[str, Draft4Validator]:
    """Validators by model name; models may refer to each other by API Gateway's URLs."""
    documents = {name: _document(name, text) for name, text in schemas.items()}
    empty: Registry[Any] = Registry()
    registry = empty.with_resources(
        (
            f"https://apigateway.amazonaws.com/restapis/{api_id}/models/{name}",
            Resource.from_contents(document, default_specification=DRAFT4),
        )
        for name, document in documents.items()
    )
    return {name: Draft4Validator(document, registry=registry) for name, document in documents.items()}


def _document(name: str, text: str) -> Any:
    try:
        document = json.loads(text or "{}")
        Draft4Validator.check_schema(document)
    except (ValueError, SchemaError) as error:
        raise InvalidModelError(f"Invalid model specified: {name} is not a draft 4 schema") from error
    return document
