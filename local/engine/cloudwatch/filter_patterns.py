"""CloudWatch Logs' filter patterns: which log events match, and the fields that they give.

Terms, JSON and space-delimited patterns; regular expressions only where a whole term is one. What is outside of that
is refused, never taken for a match.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from local.engine.cloudwatch import json_patterns, spaced_patterns
from local.engine.cloudwatch.patterns import FilterPatternError, regular_expression

LONGEST = 1024
TERM = re.compile(r'\s*(?P<sign>[-?]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]+)%|(?P<plain>\w+))(?=\s|$)')


@dataclass(frozen=True, kw_only=True)
class FilterPattern:
    """`fields(message)` is None for an event that does not match, else what it extracts by name (`$.a.b`, `$name`)."""

    fields: Callable[[str], Mapping[str, str] | None]
    has_fields: bool

    def matches(self, message: str) -> bool:
        return self.fields(message) is not None

    @staticmethod
    def value(message: str, fields: Mapping[str, str], selector: str) -> str | None:
        """What a selector finds in a matching event: of JSON anything, of other events the pattern's own fields."""
        if not selector.startswith("$."):
            return fields.get(selector)
        found = json_patterns.select(json.loads(message), selector)
        return (
            None if isinstance(found, dict | list) or found is json_patterns.MISSING else json_patterns.as_text(found)
        )


@functools.lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> FilterPattern:
    """Raises `FilterPatternError` for a pattern that is wrong, or right and not supported here."""
    text = pattern.strip()
    if len(text) > LONGEST:
        raise FilterPatternError(f"a filter pattern has at most {LONGEST} characters")
    if text.startswith("{"):
        return FilterPattern(fields=json_patterns.compile_pattern(text), has_fields=True)
    if text.startswith("["):
        return FilterPattern(fields=spaced_patterns.compile_pattern(text), has_fields=True)
    return FilterPattern(fields=_terms(text), has_fields=False)


def _terms(text: str) -> Callable[[str], Mapping[str, str] | None]:
    """All plain terms, or any of those with a question mark, and none with a minus; case counts."""
    signs: dict[str, list[Callable[[str], bool]]] = {"": [], "-": [], "?": []}
    position = 0
    while position < len(text):
        found = TERM.match(text, position)
        if found is None:
            raise FilterPatternError(
                f"{text[position:]}: a term with other characters than letters, digits and _ stands in double quotes"
            )
        signs[found["sign"]].append(_occurs(found))
        position = found.end()
    if signs["?"] and (signs[""] or signs["-"]):
        raise FilterPatternError("terms with a question mark cannot be mixed with others: CloudWatch ignores them then")

    def fields(message: str) -> Mapping[str, str] | None:
        wanted = all(occurs(message) for occurs in signs[""])
        unwanted = any(occurs(message) for occurs in signs["-"])
        one_of = not signs["?"] or any(occurs(message) for occurs in signs["?"])
        return {} if wanted and one_of and not unwanted else None

    return fields


def _occurs(term: re.Match[str]) -> Callable[[str], bool]:
    if term["regex"] is not None:
        expression = regular_expression(term["regex"])
        return lambda message: expression.search(message) is not None
    text = term["plain"] if term["plain"] is not None else re.sub(r"\\(.)", r"\1", term["quoted"])
    return lambda message: text in message
