"""The contract, `lambda_src/openapi.json`: the one source of API Gateway's routes and models and of docs/api.md."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

DOCUMENT: Final = Path(__file__).parents[1] / "lambda_src" / "openapi.json"
METHODS: Final = ("get", "put", "post", "delete")


@dataclass(frozen=True, kw_only=True)
class Model:
    """A body's JSON schema (draft 4), which the functions check too."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path. `parameters` are (place, name, required), places as OpenAPI names them."""

    path: str
    method: str
    summary: str
    description: str
    parameters: tuple[tuple[str, str, bool], ...]
    model: Model | None
    described: Mapping[str, Any]

    def named(self, place: str, *, required: bool) -> tuple[str, ...]:
        """The names of the parameters in `place` that are required, or are not."""
        return tuple(name for where, name, wanted in self.parameters if (where, wanted) == (place, required))


def document() -> dict[str, Any]:
    """The contract with everything that it refers to in other files put in."""
    text = json.loads(DOCUMENT.read_text("utf-8"))
    return cast("dict[str, Any]", _with_files(text))


def operations() -> Iterator[Operation]:
    """Every operation in the document's order."""
    contract = document()
    for path, item in contract["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            described = item[method]
            parameters = [
                _resolve(contract, each) for each in (*item.get("parameters", ()), *described.get("parameters", ()))
            ]
            yield Operation(
                path=path,
                method=method.upper(),
                summary=described["summary"],
                description=described["description"],
                parameters=tuple((each["in"], each["name"], each["required"]) for each in parameters),
                model=_model(described),
                described=described,
            )


def _model(described: Mapping[str, Any]) -> Model | None:
    if "requestBody" not in described:
        return None
    schema = described["requestBody"]["content"]["application/json"]["schema"]
    return Model(name=schema["title"], schema={"$schema": "http://json-schema.org/draft-04/schema#", **schema})


def _resolve(contract: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in part:
        return part
    found: Any = contract
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return cast("Mapping[str, Any]", found)


def _with_files(part: Any) -> Any:
    if isinstance(part, list):
        return [_with_files(each) for each in part]
    if not isinstance(part, dict):
        return part
    target = part.get("$ref", "#")
    if target.startswith("#"):
        return {name: _with_files(each) for name, each in part.items()}
    schema = json.loads((DOCUMENT.parent / target).read_text("utf-8"))
    # OpenAPI 3.0 has no place for the dialect; API Gateway wants it.
    del schema["$schema"]
    return schema
