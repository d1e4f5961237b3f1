"""The evaluator: gives a syntax tree its meaning.

Expressions, scope and functions are as the Flux specification defines them
(https://docs.influxdata.com/flux/v0/spec/). Where a function is applied to rows (``filter``, ``map``), one
evaluation does all rows of a table: see ``rows``.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from . import operators
from .errors import FluxError, Location, TypeConflict
from .registry import Execution, FluxFunction
from .rows import AbsentTag, Row
from .syntax import (
    Array,
    Binary,
    Call,
    Conditional,
    Expression,
    Function,
    Literal,
    Logical,
    Member,
    Name,
    Record,
    Unary,
)
from .values import type_name

Scope = ChainMap[str, Any]


@dataclass(frozen=True)
class Closure(FluxFunction):
    """A function written in the query, with the scope that it was written in."""

    function: Function
    scope: Scope

    def call(
        self,
        execution: Execution,
        arguments: Mapping[str, Any],
        piped: Any = None,
        at: Location | None = None,
    ) -> Any:
        """Bind the arguments and evaluate the body."""
        scope = self.scope.new_child()
        given = dict(arguments)
        for parameter in self.function.parameters:
            if parameter.piped and piped is not None:
                scope[parameter.name] = piped
            elif parameter.name in given:
                scope[parameter.name] = given.pop(parameter.name)
            elif parameter.default is not None:
                scope[parameter.name] = evaluate(parameter.default, self.scope, execution)
            else:
                raise FluxError(f"missing required argument {parameter.name}", at or self.function.at)
        if given:
            raise FluxError(f"found unexpected argument {next(iter(given))}", at or self.function.at)
        for assignment in self.function.assignments:
            scope[assignment.name] = evaluate(assignment.value, scope, execution)
        return evaluate(self.function.result, scope, execution)


def evaluate(expression: Expression, scope: Scope, execution: Execution) -> Any:
    """The value of an expression. Raises FluxError, with the place in the query where that helps."""
    match expression:
        case Literal(value):
            return value
        case Name(name):
            if name not in scope:
                raise FluxError(f"undefined identifier {name}", expression.at)
            return scope[name]
        case Function():
            return Closure(expression, scope)
        case Array(elements):
            return [evaluate(element, scope, execution) for element in elements]
        case Record(properties, base):
            record = {} if base is None else _members(evaluate(base, scope, execution), base.at)
            return {**record, **{name: evaluate(value, scope, execution) for name, value in properties}}
        case Member(record, name):
            return _member(evaluate(record, scope, execution), name, expression.at)
        case Call(function, arguments, piped):
            called = evaluate(function, scope, execution)
            if not isinstance(called, FluxFunction):
                raise FluxError(f"expected function but found {type_name(called)}", function.at)
            fed = None if piped is None else evaluate(piped, scope, execution)
            given = {name: evaluate(value, scope, execution) for name, value in arguments}
            return called.call(execution, given, fed, expression.at)
        case _:
            try:
                return _operation(expression, scope, execution)
            except TypeConflict as conflict:
                if conflict.at is None:
                    raise TypeConflict(conflict.message, expression.at) from conflict
                raise


def _operation(expression: Expression, scope: Scope, execution: Execution) -> Any:
    match expression:
        case Unary("exists", operand):
            found = evaluate(operand, scope, execution)
            return not isinstance(found, AbsentTag) and operators.unary("exists", found)
        case Unary(operator, operand):
            return operators.unary(operator, evaluate(operand, scope, execution))
        case Binary(operator, left, right):
            value = evaluate(left, scope, execution)
            if isinstance(value, AbsentTag):
                if operator == "==":
                    return False
                value = str(value)
            return operators.binary(operator, value, evaluate(right, scope, execution))
        case Logical(operator, left, right):
            value = evaluate(left, scope, execution)
            decided = value is (operator == "or")
            return value if decided else operators.logical(operator, value, evaluate(right, scope, execution))
        case Conditional(test, then, otherwise):
            chosen = operators.truth(evaluate(test, scope, execution))
            if not isinstance(chosen, pa.Array):
                return evaluate(then if chosen else otherwise, scope, execution)
            branches = [evaluate(branch, scope, execution) for branch in (then, otherwise)]
            return operators.conditional(chosen, *branches)
    raise AssertionError(f"no meaning for {expression}")


def _member(record: Any, name: str, at: Location) -> Any:
    if isinstance(record, Row):
        return record.get(name)
    if not isinstance(record, dict):
        raise FluxError(f"expected record but found {type_name(record)}", at)
    if name not in record:
        raise FluxError(f"record is missing label {name}", at)
    return record[name]


def _members(record: Any, at: Location) -> dict[str, Any]:
    if isinstance(record, Row):
        return dict(record.columns())
    if not isinstance(record, dict):
        raise FluxError(f"expected record but found {type_name(record)}", at)
    return record
