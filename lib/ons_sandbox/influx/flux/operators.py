"""Operators, on single values and on columns alike.

As "Flux specification / Operators" and "Expressions" define them
(https://docs.influxdata.com/flux/v0/spec/). A missing value makes the result missing, and a missing
condition counts as false.

An operand is a Python value or an Arrow array. A null whose type is known is an Arrow scalar; None is a
null of no known type (a column that is not there).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .errors import FluxError, TypeConflict
from .values import BY_PYTHON, FluxType, Regex, bare, scalar_at, type_name

NUMERIC = (FluxType.INT, FluxType.UINT, FluxType.FLOAT)
COMPARISONS: dict[str, Callable[..., Any]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": pc.add,
    "-": pc.subtract,
    "*": pc.multiply,
    "/": pc.divide,
    "%": lambda left, right: pc.subtract(left, pc.multiply(_whole(pc.divide(left, right)), right)),
    "^": pc.power,
}
NULL_BOOL = pa.scalar(None, pa.bool_())


def binary(operator: str, left: Any, right: Any) -> Any:
    """Comparison, match or arithmetic. Raises TypeConflict when the operator does not take these types."""
    if operator in ("=~", "!~"):
        return _match(operator, left, right)
    if operator in COMPARISONS:
        return _compare(operator, left, right)
    return _calculate(operator, left, right)


def unary(operator: str, operand: Any) -> Any:
    """``exists``, ``not``, ``-`` and ``+``."""
    if operator == "exists":
        return pc.is_valid(operand) if isinstance(operand, pa.Array) else not _is_null(operand)
    if operator == "not":
        return _value(pc.invert(_condition(operand)))
    if operator == "+" or _is_null(operand):
        return operand
    if isinstance(operand, pa.Array) or type(operand) in BY_PYTHON:
        if _type(operand) not in NUMERIC:
            raise TypeConflict(f"{type_name(operand)} is not Negatable")
        return _value(pc.negate(_arrow(operand)))
    return -operand  # a duration


def logical(operator: str, left: Any, right: Any) -> Any:
    """``and`` and ``or``, with missing values."""
    combine = pc.and_kleene if operator == "and" else pc.or_kleene
    return _value(combine(_condition(left), _condition(right)))


def conditional(test: Any, then: Any, otherwise: Any) -> Any:
    """``if``, for a test that is a column of known bools."""
    types = {_type(branch) for branch in (then, otherwise) if branch is not None}
    if len(types) > 1:
        names = " != ".join(sorted(one.label for one in types))
        raise TypeConflict(f"type conflict: {names}")
    if not types:
        return None
    null = pa.scalar(None, types.pop().arrow)
    branches = [null if branch is None else _arrow(branch) for branch in (then, otherwise)]
    return _value(pc.if_else(test, *branches))


def truth(condition: Any) -> Any:
    """A condition in which missing is false: an array, or a bool."""
    known = pc.fill_null(_condition(condition), False)
    return known if isinstance(known, pa.Array) else known.as_py()


def _match(operator: str, left: Any, right: Any) -> Any:
    if _is_null(left):
        return NULL_BOOL
    if not isinstance(right, Regex) or _type(left) != FluxType.STRING:
        raise TypeConflict(f"unsupported binary expression {type_name(left)} {operator} {type_name(right)}")
    try:
        found = pc.match_substring_regex(_arrow(left), right.pattern)
    except pa.ArrowInvalid as error:
        raise FluxError(f"invalid regular expression /{right.pattern}/: {error}") from error
    return _value(found if operator == "=~" else pc.invert(found))


def _compare(operator: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return NULL_BOOL
    types = (_type(left), _type(right))
    ordered = operator not in ("==", "!=")
    if types[0] != types[1] and all(type_ in NUMERIC for type_ in types):
        left, right = (pc.cast(_arrow(operand), pa.float64()) for operand in (left, right))
    elif types[0] != types[1] or (ordered and types[0] == FluxType.BOOL):
        raise TypeConflict(f"unsupported binary expression {type_name(left)} {operator} {type_name(right)}")
    return _value(COMPARISONS[operator](_arrow(left), _arrow(right)))


def _calculate(operator: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        other = right if left is None else left
        return None if other is None else pa.scalar(None, _type(other).arrow)
    type_ = _type(left)
    if type_ != _type(right):
        raise TypeConflict(f"type conflict: {type_name(left)} != {type_name(right)}")
    if type_ == FluxType.STRING and operator == "+":
        return _value(pc.binary_join_element_wise(_arrow(left), _arrow(right), ""))
    if type_ not in NUMERIC:
        raise TypeConflict(f"unsupported binary expression {type_.label} {operator} {type_.label}")
    try:
        return _value(pc.cast(ARITHMETIC[operator](_arrow(left), _arrow(right)), type_.arrow))
    except pa.ArrowInvalid as error:
        raise FluxError("runtime error: cannot divide by zero") from error


def _whole(quotient: Any) -> Any:
    return pc.trunc(quotient) if pa.types.is_floating(quotient.type) else quotient


def _type(operand: Any) -> FluxType:
    """The type of an operand that can be in a column. Raises TypeConflict for any other."""
    if isinstance(operand, pa.Array | pa.Scalar):
        return FluxType.of_arrow(operand.type)
    if type(operand) not in BY_PYTHON:
        raise TypeConflict(f"{type_name(operand)} is not supported here")
    return BY_PYTHON[type(operand)]


def _arrow(operand: Any) -> Any:
    if isinstance(operand, pa.Array | pa.Scalar):
        return operand
    return pa.scalar(bare(operand), _type(operand).arrow)


def _value(result: Any) -> Any:
    """A single value as the Python object that it is; a null keeps its type."""
    if isinstance(result, pa.ChunkedArray):
        return result.combine_chunks()
    if isinstance(result, pa.Scalar) and result.is_valid:
        return scalar_at(pa.array([result]), 0)
    return result


def _condition(operand: Any) -> Any:
    if _is_null(operand):
        return NULL_BOOL
    if _type(operand) != FluxType.BOOL:
        raise TypeConflict(f"expected bool but found {type_name(operand)}")
    return _arrow(operand)


def _is_null(operand: Any) -> bool:
    return operand is None or (isinstance(operand, pa.Scalar) and not operand.is_valid)
