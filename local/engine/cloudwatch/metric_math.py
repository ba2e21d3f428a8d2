"""Metric math: an expression over time series, checked completely before anything is computed.

The syntax is Python's but for `&&`, `||`, `AND`, `OR` and `^`, so Python's own parser reads it, and only the nodes
that metric math has are let through. What the embedded CloudWatch does not have is refused by name.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import io
import operator
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from local.engine.cloudwatch.errors import CloudWatchError, UnsupportedError
from local.engine.cloudwatch.math_functions import FUNCTIONS, Value, logical, pairwise
from local.engine.cloudwatch.series import Grid, Series

WORDS = {"AND": "and", "OR": "or"}
DOUBLED = {"&": "and", "|": "or"}
ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.LtE: operator.le,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
}
KEYWORDS = ("REPEAT", "LINEAR")
KNOWN = frozenset({*FUNCTIONS, "METRICS", "PERIOD"})


class ExpressionError(CloudWatchError):
    """The expression is not one of metric math."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the names of an expression stand for. `metrics` are the request's metrics, `expressions` its results."""

    grid: Grid
    metrics: Mapping[str, Series]
    expressions: Mapping[str, Value] = field(default_factory=dict)


def names(expression: str) -> frozenset[str]:
    """The ids that an expression refers to. Raises `ExpressionError` for what cannot be read."""
    tree = _parse(expression)
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    found = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n not in called}
    return frozenset(found - set(KEYWORDS))


def evaluate(expression: str, scope: Scope) -> Series | tuple[Series, ...]:
    """The value: a series or several. Raises `ExpressionError`, or `UnsupportedError` naming a function."""
    try:
        value = _Evaluation(scope).of(_parse(expression))
    except TypeError:
        raise ExpressionError(f"{expression}: an operator does not take these operands") from None
    if isinstance(value, float):
        raise ExpressionError(f"{expression}: the final result must be a time series, not a single number")
    return value


def _parse(expression: str) -> ast.expr:
    try:
        tree = ast.parse(_as_python(expression).strip(), mode="eval").body
    except (SyntaxError, tokenize.TokenError) as error:
        raise ExpressionError(f"{expression}: not an expression of metric math ({error})") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in KNOWN:
            raise UnsupportedError(f"the embedded CloudWatch has no metric math function {node.func.id}")
    return tree


def _as_python(expression: str) -> str:
    """The expression with Python's logical operators and power."""
    if "**" in expression or "//" in expression:
        raise ExpressionError(f"{expression}: metric math has no operator ** or //")
    words: list[str] = []
    half = ""
    for token in tokenize.generate_tokens(io.StringIO(expression).readline):
        if half and token.string != half:
            raise ExpressionError(f"{expression}: metric math has no operator {half}")
        if half:
            words.append(DOUBLED[half])
            half = ""
        elif token.type == tokenize.OP and token.string in DOUBLED:
            half = token.string
        elif token.type == tokenize.OP and token.string == "^":
            words.append("**")
        elif token.type == tokenize.NAME:
            if token.string in DOUBLED.values():
                raise ExpressionError(f"{expression}: logical operators are written AND and OR")
            words.append(WORDS.get(token.string, token.string))
        else:
            words.append(token.string)
    return " ".join(words)


class _Evaluation:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def of(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return float(number)
            case ast.Name(id=name):
                return self._named(name)
            case ast.List(elts=elements):
                return tuple(series for element in elements for series in self._series(self.of(element)))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return pairwise(operator.mul, -1.0, self.of(operand))
            case ast.BinOp(op=sign, left=left, right=right) if type(sign) in ARITHMETIC:
                return pairwise(ARITHMETIC[type(sign)], self.of(left), self.of(right))
            case ast.Compare(left=left, ops=[comparison], comparators=[right]) if type(comparison) in COMPARISONS:
                return logical(COMPARISONS[type(comparison)], self.of(left), self.of(right))
            case ast.BoolOp(op=connective, values=values):
                return self._connected(isinstance(connective, ast.And), [self.of(value) for value in values])
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
        raise ExpressionError(f"metric math has no {ast.unparse(node)}")

    def _named(self, name: str) -> Value:
        if name in self._scope.metrics:
            return self._scope.metrics[name]
        if name in self._scope.expressions:
            return self._scope.expressions[name]
        raise ExpressionError(f"there is no metric or expression with the id {name}")

    @staticmethod
    def _connected(all_of_them: bool, values: list[Value]) -> Value:
        found = values[0]
        for value in values[1:]:
            if all_of_them:
                found = logical(lambda a, b: bool(a) and bool(b), found, value)
            else:
                found = logical(lambda a, b: bool(a) or bool(b), found, value)
        return found

    def _series(self, value: Value) -> tuple[Series, ...]:
        if isinstance(value, float):
            raise ExpressionError("a list holds time series, not numbers")
        return value if isinstance(value, tuple) else (value,)

    def _call(self, name: str, arguments: list[ast.expr]) -> Value:
        if name == "METRICS":
            return self._metrics(arguments)
        if name == "PERIOD":
            return self._period(arguments)
        values = [
            argument.id if isinstance(argument, ast.Name) and argument.id in KEYWORDS else self.of(argument)
            for argument in arguments
        ]
        try:
            found: Value = FUNCTIONS[name](self._scope.grid, *values)
        except TypeError:
            raise ExpressionError(f"{name} does not take these arguments") from None
        return found

    def _metrics(self, arguments: list[ast.expr]) -> Value:
        """All metrics of the request, or those with a text in their id; expressions do not count."""
        match arguments:
            case []:
                return tuple(self._scope.metrics.values())
            case [ast.Constant(value=str() as text)]:
                return tuple(series for name, series in self._scope.metrics.items() if text in name)
        raise ExpressionError('METRICS takes nothing or one text in quotes, as in METRICS("errors")')

    def _period(self, arguments: list[ast.expr]) -> Value:
        match arguments:
            case [ast.Name(id=name)] if name in self._scope.metrics:
                return float(self._scope.grid.period)
        raise ExpressionError("PERIOD takes a metric, not the result of an expression")
