"""Pipeline variables: `#{namespace.variable}` in an action's configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping

from local.pipeline.errors import VariableError

# CDK Pipelines puts '@' and '-' into namespaces; a variable's name has no dot.
_REFERENCE = re.compile(r"#\{([\w@.-]+?)\.([^.{}]+)\}")

Namespaces = Mapping[str, Mapping[str, str]]


def substitute(text: str, namespaces: Namespaces) -> str:
    """Replace every reference. Raises VariableError that names the reference and the namespaces there are."""

    def value(match: re.Match[str]) -> str:
        try:
            return namespaces[match[1]][match[2]]
        except KeyError:
            known = ", ".join(sorted(namespaces)) or "none"
            raise VariableError(f"{match[0]} has no value (namespaces: {known})") from None

    return _REFERENCE.sub(value, text)


def resolve(configuration: Mapping[str, str], namespaces: Namespaces) -> dict[str, str]:
    return {key: substitute(value, namespaces) for key, value in configuration.items()}
