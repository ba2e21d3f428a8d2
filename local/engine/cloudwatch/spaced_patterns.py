"""Space-delimited patterns: `[ip, user, ..., status = 5*, bytes > 1000]`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.engine.cloudwatch.patterns import COMPARISONS, NUMBER, FilterPatternError, Scalar, Tokens, comparison, joined

FIELD = re.compile(r'\[([^\]]*)\]|"((?:[^"\\]|\\.)*)"|(\S+)')
NAME = re.compile(r"[A-Za-z_]\w*")
ELLIPSIS = ("...", "…")


@dataclass(frozen=True, kw_only=True)
class Field:
    name: str
    holds: Callable[[Scalar], bool]


def compile_pattern(pattern: str) -> Callable[[str], Mapping[str, str] | None]:
    """A function of a log event: None unless it has the pattern's fields, else all of its fields by name."""
    if not pattern.endswith("]"):
        raise FilterPatternError(f"{pattern}: a space-delimited pattern ends with a bracket")
    parts = [part.strip() for part in _split(pattern[1:-1])]
    gaps = [n for n, part in enumerate(parts) if part in ELLIPSIS]
    if len(gaps) > 1:
        raise FilterPatternError(f"{pattern}: has more than one ellipsis")
    before = [_field(part) for part in (parts[: gaps[0]] if gaps else parts)]
    after = [_field(part) for part in (parts[gaps[0] + 1 :] if gaps else [])]

    def fields(message: str) -> Mapping[str, str] | None:
        values = [next(group for group in found.groups() if group is not None) for found in FIELD.finditer(message)]
        missing = len(values) - len(before) - len(after)
        if missing < 0 or (missing and not gaps):
            return None
        asked = [*before, *[Field(name="", holds=lambda _: True)] * missing, *after]
        if not all(field.holds(_scalar(value)) for field, value in zip(asked, values, strict=True)):
            return None
        return {
            f"${field.name or n}": value for n, (field, value) in enumerate(zip(asked, values, strict=True), start=1)
        }

    return fields


def _split(inside: str) -> list[str]:
    """At commas outside of quotes."""
    return re.findall(r'(?:^|,)((?:"(?:[^"\\]|\\.)*"|[^,"])*)', inside)


def _field(part: str) -> Field:
    if not part:
        return Field(name="", holds=lambda _: True)
    tokens = Tokens(part)
    name = tokens.next
    if not NAME.fullmatch(name):
        raise FilterPatternError(f"{part}: a field begins with its name")
    if name == part:
        return Field(name=name, holds=lambda _: True)

    def condition() -> Callable[[Scalar], bool]:
        tokens.expect(name)
        return comparison(tokens.expect(*COMPARISONS), tokens.take())

    holds = joined(tokens, condition)
    if tokens.next:
        raise FilterPatternError(f"{part}: cannot be read from '{tokens.next}' on")
    return Field(name=name, holds=holds)


def _scalar(value: str) -> Scalar:
    return float(value) if NUMBER.fullmatch(value) else value
