"""Conversions of values and columns: ``float int uint string bool time``, and ``contains``.

"Flux standard library / universe", the pages of the functions named
(https://docs.influxdata.com/flux/v0/stdlib/universe/).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ons_sandbox.influx.flux import text
from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import function
from ons_sandbox.influx.flux.values import (
    BY_PYTHON,
    Duration,
    FluxType,
    Scalar,
    bare,
    column,
    scalar_at,
    type_name,
)
from ons_sandbox.influx.times import parse_rfc3339


@function("float")
def float_(v: Any) -> Any:
    """A number, or text or a bool that stands for one, as a float."""
    return _converted(v, FluxType.FLOAT)


@function("int")
def int_(v: Any) -> Any:
    """As a whole number: a float loses its fraction, times and durations become nanoseconds."""
    return v.nanoseconds if isinstance(v, Duration) else _converted(v, FluxType.INT)


@function()
def uint(v: Any) -> Any:
    """As a whole number without sign."""
    return _converted(v, FluxType.UINT)


@function()
def string(v: Any) -> Any:
    """As text."""
    return _converted(v, FluxType.STRING)


@function("bool")
def bool_(v: Any) -> Any:
    """As a bool: 0 and 1, "true" and "false"."""
    return _converted(v, FluxType.BOOL)


@function()
def time(v: Any) -> Any:
    """As a moment: nanoseconds since 1970, or RFC 3339 text."""
    return _converted(v, FluxType.TIME)


@function()
def contains(value: Any, set_: list[Any]) -> Any:
    """Whether the value is one of the set's."""
    if isinstance(value, pa.Array):
        if any(BY_PYTHON.get(type(one)) != FluxType.of_arrow(value.type) for one in set_):
            raise FluxError(f"expected an array of {type_name(value)} (argument set)")
        return pc.is_in(value, column(set_, FluxType.of_arrow(value.type)))
    return value in set_


def _converted(value: Any, wanted: FluxType) -> Any:
    if value is None or isinstance(value, pa.Scalar):
        return pa.scalar(None, wanted.arrow)
    if isinstance(value, pa.Array):
        return _column_as(value, wanted)
    if type(value) not in BY_PYTHON:
        raise FluxError(f"cannot convert {type_name(value)} to {wanted.label}")
    single: Scalar = scalar_at(_column_as(pa.array([bare(value)], BY_PYTHON[type(value)].arrow), wanted), 0)
    return single


def _column_as(values: pa.Array, wanted: FluxType) -> pa.Array:
    held = FluxType.of_arrow(values.type)
    if held == wanted:
        return values
    try:
        match held, wanted:
            case _, FluxType.STRING:
                return text.of_column(values, fraction_digits=9)
            case FluxType.STRING, FluxType.TIME:
                moments = [None if one is None else parse_rfc3339(one) for one in values.to_pylist()]
                return pa.array(moments, FluxType.INT.arrow).cast(wanted.arrow)
            case (FluxType.FLOAT | FluxType.BOOL, FluxType.TIME) | (
                FluxType.TIME,
                FluxType.FLOAT | FluxType.BOOL,
            ):
                raise FluxError(f"cannot convert {held.label} to {wanted.label}")
            case FluxType.FLOAT, FluxType.INT | FluxType.UINT:
                return pc.trunc(values).cast(wanted.arrow)
            case FluxType.TIME, FluxType.UINT:
                return values.cast(pa.int64()).cast(wanted.arrow)
            case FluxType.UINT, FluxType.TIME:
                return values.cast(pa.int64()).cast(wanted.arrow)
            case _:
                return values.cast(wanted.arrow)
    except (pa.ArrowInvalid, ValueError) as error:
        raise FluxError(f"cannot convert {held.label} to {wanted.label}: {error}") from error
