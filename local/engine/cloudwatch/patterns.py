"""What the kinds of filter patterns have in common: tokens, comparisons, conditions joined by `&&` and `||`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import TypeVar

NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<regex>%[^%]+%)|(?P<sign>&&|\|\||>=|<=|!=|[=><(),])|(?P<word>[^\s"%&|=<>!(),]+))'
)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/regex-expressions.html: no groups, no other symbols.
IN_REGULAR_EXPRESSIONS = re.compile(r"[A-Za-z0-9:_#=@/;,\- ^$?\[\]{}|\\*+.]+")

T = TypeVar("T")
# What a condition is asked of: a number, a text, or nothing when there is no such value.
Scalar = float | str | None
Test = Callable[[Scalar], bool]


class FilterPatternError(ValueError):
    """CloudWatch Logs refuses the pattern, or it is outside of the part that is supported here."""


class Tokens:
    """The tokens of a pattern, read from the left."""

    def __init__(self, text: str) -> None:
        self._pattern = text
        self._tokens: list[str] = []
        position = 0
        while text[position:].strip():
            found = TOKEN.match(text, position)
            if found is None:
                raise FilterPatternError(f"{text}: cannot be read from '{text[position:].strip()}' on")
            self._tokens.append(found.group().strip())
            position = found.end()

    @property
    def next(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def take(self) -> str:
        if not self._tokens:
            raise FilterPatternError(f"{self._pattern}: ends too early")
        return self._tokens.pop(0)

    def expect(self, *texts: str) -> str:
        if self.next not in texts:
            raise FilterPatternError(f"{self._pattern}: {' or '.join(texts)} expected, not '{self.next}'")
        return self.take()


def joined(tokens: Tokens, condition: Callable[[], Callable[[T], bool]]) -> Callable[[T], bool]:
    """Conditions joined by `||` and, before it, `&&`."""
    either = [_all_of(tokens, condition)]
    while tokens.next == "||":
        tokens.take()
        either.append(_all_of(tokens, condition))
    return lambda asked: any(holds(asked) for holds in either)


def comparison(sign: str, literal: str) -> Test:
    """A test of one value: numbers by size, texts by `=` and `!=` with `*` at either end, or a regular expression.

    A literal that is a number asks for numbers only, and any other for texts; numbers are also read as texts for it.
    """
    if literal.startswith("%"):
        expression = regular_expression(literal[1:-1])
        return _equality(sign, literal, lambda value: expression.search(_text(value)) is not None)
    if NUMBER.fullmatch(literal):
        compare, number = COMPARISONS[sign], float(literal)
        return lambda value: isinstance(value, float) and compare(value, number)
    text = re.sub(r"\\(.)", r"\1", literal[1:-1]) if literal.startswith('"') else literal
    starts, ends = (".*" if text.startswith("*") else ""), (".*" if text.endswith("*") else "")
    pattern = re.compile(starts + re.escape(text.strip("*")) + ends, re.DOTALL)
    return _equality(sign, literal, lambda value: pattern.fullmatch(_text(value)) is not None)


def regular_expression(text: str) -> re.Pattern[str]:
    if not IN_REGULAR_EXPRESSIONS.fullmatch(text):
        raise FilterPatternError(f"%{text}%: has symbols that CloudWatch Logs does not take in regular expressions")
    try:
        return re.compile(text)
    except re.error as error:
        raise FilterPatternError(f"%{text}%: {error}") from None


def _equality(sign: str, literal: str, found: Test) -> Test:
    if sign == "=":
        return lambda value: value is not None and found(value)
    if sign == "!=":
        return lambda value: value is not None and not found(value)
    raise FilterPatternError(f"{sign} compares numbers, not {literal}")


def _text(value: Scalar) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _all_of(tokens: Tokens, condition: Callable[[], Callable[[T], bool]]) -> Callable[[T], bool]:
    every = [condition()]
    while tokens.next == "&&":
        tokens.take()
        every.append(condition())
    return lambda asked: all(holds(asked) for holds in every)
