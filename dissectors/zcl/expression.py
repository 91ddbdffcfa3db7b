"""Small expressions over the fields read so far: ``(options & 0x0400) and application_information & 2``.

The tables say with them which fields are there and how often. A field that was not there counts as 0.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

__all__ = ["FieldValues", "compiled"]

FieldValues = Mapping[str, Any]
Evaluator = Callable[[FieldValues], int]

_OPERATORS: dict[type[ast.AST], Callable[[int, int], int]] = {
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.RShift: operator.rshift,
    ast.LShift: operator.lshift,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@cache
def compiled(text: str) -> Evaluator:
    """The function that evaluates `text`. Raises ValueError for anything but integers, names and operators.

    >>> compiled("status == 0 and length > 2")({"status": 0, "length": 3})
    1
    """
    try:
        return _evaluator(ast.parse(text, mode="eval").body)
    except SyntaxError as error:
        raise ValueError(f"not an expression: {text!r}") from error


def _evaluator(node: ast.expr) -> Evaluator:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        constant = node.value
        return lambda values: constant
    if isinstance(node, ast.Name):
        name = node.id
        return lambda values: _integer(values.get(name))
    if isinstance(node, ast.BinOp):
        return _binary(_OPERATORS[type(node.op)], _evaluator(node.left), _evaluator(node.right))
    if isinstance(node, ast.Compare):
        return _comparison(node)
    if isinstance(node, ast.BoolOp):
        parts = [_evaluator(value) for value in node.values]
        joined = all if isinstance(node.op, ast.And) else any
        return lambda values: int(joined(part(values) for part in parts))
    raise ValueError(f"not allowed in an expression: {ast.dump(node)}")


def _binary(apply: Callable[[int, int], int], left: Evaluator, right: Evaluator) -> Evaluator:
    return lambda values: int(apply(left(values), right(values)))


def _comparison(node: ast.Compare) -> Evaluator:
    operands = [_evaluator(node.left), *(_evaluator(n) for n in node.comparators)]
    steps = [
        _binary(_OPERATORS[type(op)], left, right)
        for op, left, right in zip(node.ops, operands, operands[1:], strict=False)
    ]
    return lambda values: int(all(step(values) for step in steps))


def _integer(value: Any) -> int:
    return value if isinstance(value, int) else 0
