"""JSON patterns: `{ ($.status >= 500) && ($.path = "/payments*") }`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.engine.cloudwatch.patterns import COMPARISONS, FilterPatternError, Scalar, Tokens, comparison, joined

SELECTOR = re.compile(r"\$(\.[\w-]+(\[\d+\])*)+")
STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]")
# A selector's own words: what it finds, nothing at all, or a constant.
MISSING = object()
CONSTANTS: Mapping[str, Any] = {"NULL": None, "TRUE": True, "FALSE": False}


def compile_pattern(pattern: str) -> Callable[[str], Mapping[str, str] | None]:
    """A function of a log event: None unless it is JSON and matches, else the fields that the pattern names."""
    if not pattern.endswith("}"):
        raise FilterPatternError(f"{pattern}: a JSON pattern ends with a brace")
    tokens, selectors = Tokens(pattern[1:-1]), set[str]()
    holds = joined(tokens, lambda: _condition(tokens, selectors))
    if tokens.next:
        raise FilterPatternError(f"{pattern}: cannot be read from '{tokens.next}' on")

    def fields(message: str) -> Mapping[str, str] | None:
        try:
            document = json.loads(message)
        except ValueError:
            return None
        if not isinstance(document, dict) or not holds(document):
            return None
        found = {selector: select(document, selector) for selector in selectors}
        return {selector: as_text(value) for selector, value in found.items() if value is not MISSING}

    return fields


def select(document: Any, selector: str) -> Any:
    """What a selector finds in a document, or `MISSING`."""
    for name, index in STEP.findall(selector):
        if name and isinstance(document, dict) and name in document:
            document = document[name]
        elif index and isinstance(document, list) and int(index) < len(document):
            document = document[int(index)]
        else:
            return MISSING
    return document


def check_selector(selector: str) -> str:
    if not SELECTOR.fullmatch(selector):
        raise FilterPatternError(f"{selector}: selectors are written like $.user.name or $.users[0].name here")
    return selector


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _condition(tokens: Tokens, selectors: set[str]) -> Callable[[Any], bool]:
    if tokens.next == "(":
        tokens.take()
        inner = joined(tokens, lambda: _condition(tokens, selectors))
        tokens.expect(")")
        return inner
    selector = check_selector(tokens.take())
    selectors.add(selector)
    sign = tokens.expect("IS", "NOT", *COMPARISONS)
    if sign == "NOT":
        tokens.expect("EXISTS")
        return lambda document: select(document, selector) is MISSING
    if sign == "IS":
        constant = CONSTANTS[tokens.expect(*CONSTANTS)]
        return lambda document: select(document, selector) is constant
    test = comparison(sign, tokens.take())
    return lambda document: test(_scalar(select(document, selector)))


def _scalar(value: Any) -> Scalar:
    """Only texts and numbers are compared; a selector that finds anything else does not match."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return value if isinstance(value, str) else float(value)
