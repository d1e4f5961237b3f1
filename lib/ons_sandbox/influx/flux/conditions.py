"""The terms of a filter that storage can decide for itself.

Such a term compares a column with something that is the same for all rows, or asks whether a column is
there; terms may be joined. ("Optimize Flux queries / Start queries with pushdowns" in the InfluxDB OSS v2
documentation.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

from . import operators
from .errors import TypeConflict
from .evaluate import Closure, Scope, evaluate
from .registry import Execution
from .rows import StoredRow
from .syntax import Binary, Expression, Literal, Logical, Member, Name, Unary

BOUND_COLUMNS = ("_start", "_stop", "_time")


@dataclass(frozen=True)
class Condition:
    """One term of a filter that storage can decide: columns compared with what is the same for all rows."""

    expression: Expression
    row: str
    scope: Scope

    @cached_property
    def needs_values(self) -> bool:
        """Whether it looks at values, and not only at the names of series."""
        return "_value" in _members(self.expression)

    def holds(self, row: StoredRow, execution: Execution) -> Any:
        """For which rows it holds: an array, or a bool for all; for none where types do not compare."""
        try:
            return operators.truth(
                evaluate(self.expression, self.scope.new_child({self.row: row}), execution)
            )
        except TypeConflict:
            return False


def divided(predicate: Closure) -> tuple[tuple[Condition, ...], Closure | None]:
    """What storage can decide of a predicate over one row, and what is left of it."""
    row = predicate.function.parameters[0].name
    terms = list(_conjuncts(predicate.function.result))
    conditions = tuple(Condition(term, row, predicate.scope) for term in terms if _decidable(term, row))
    left = [term for term in terms if not _decidable(term, row)]
    if not left:
        return conditions, None
    joined = reduce(lambda one, other: Logical("and", one, other), left)
    return conditions, replace(predicate, function=replace(predicate.function, result=joined))


def _conjuncts(expression: Expression) -> Iterator[Expression]:
    """The terms that ``and`` joins."""
    if isinstance(expression, Logical) and expression.operator == "and":
        yield from _conjuncts(expression.left)
        yield from _conjuncts(expression.right)
    else:
        yield expression


def _decidable(expression: Expression, row: str) -> bool:
    """Whether storage can decide it: ``r.column`` against a constant, ``exists``, and these joined."""
    match expression:
        case Logical(_, left, right):
            return _decidable(left, row) and _decidable(right, row)
        case Unary("not", Unary("exists", operand)) | Unary("exists", operand):
            return _is_member(operand, row)
        case Binary(operator, left, right):
            return operator not in operators.ARITHMETIC and _is_member(left, row) and _is_constant(right)
    return False


def _is_member(expression: Expression, row: str) -> bool:
    return (
        isinstance(expression, Member)
        and isinstance(expression.record, Name)
        and expression.record.name == row
        and expression.name not in BOUND_COLUMNS
    )


def _is_constant(expression: Expression) -> bool:
    match expression:
        case Unary("-", operand):
            return _is_constant(operand)
        case Literal() | Name():
            return True
    return False


def _members(expression: Expression) -> set[str]:
    match expression:
        case Logical(_, left, right):
            return _members(left) | _members(right)
        case Unary(_, operand):
            return _members(operand)
        case Binary(_, left, _):
            return _members(left)
        case Member(_, name):
            return {name}
    return set()
