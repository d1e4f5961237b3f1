"""Columns: ``rename``, ``duplicate``, ``set``, ``fill``.

"Flux standard library / universe", the pages of the functions named
(https://docs.influxdata.com/flux/v0/stdlib/universe/).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import BadArgument, Execution, FluxFunction, function
from ons_sandbox.influx.flux.tables import Stream, Table, Tables, merged
from ons_sandbox.influx.flux.values import BY_PYTHON, FluxType, bare, constant, scalar_at, type_name


@function()
def rename(
    execution: Execution,
    tables: Stream,
    columns: dict | None = None,
    fn: FluxFunction | None = None,
) -> Stream:
    """Columns under other names: by a record of old and new ones, or by a function of the old one."""
    if (columns is None) == (fn is None):
        raise BadArgument("must provide one of columns or fn, but not both")
    result = []
    for table in tables.tables():
        for name in columns or ():
            if name not in table:
                raise FluxError(f'rename error: column "{name}" doesn\'t exist')
        names = {
            name: columns.get(name, name) if columns is not None else _renamed(execution, fn, name)
            for name in table.columns
        }
        if len(set(names.values())) < len(names):
            raise FluxError("rename error: two columns would have the same name")
        key = {names[name]: value for name, value in table.key.items()}
        result.append(Table(key, table.rows.rename_columns(list(names.values()))))
    return Tables(result)


def _renamed(execution: Execution, fn: FluxFunction | None, column: str) -> str:
    name = fn.call(execution, {"column": column}) if fn else column
    if not isinstance(name, str):
        raise FluxError(f"expected string but found {type_name(name)} for return type (argument fn)")
    return name


@function()
def duplicate(tables: Stream, column: str, as_: str) -> Stream:
    """A column once more under another name; one that has the name already is replaced."""
    result = []
    for table in tables.tables():
        if column not in table:
            raise FluxError(f'duplicate error: column "{column}" doesn\'t exist')
        key = {name: value for name, value in table.key.items() if name != as_}
        result.append(Table(key, table.replacing({as_: table[column]}).rows))
    return Tables(merged(result))


@function("set")
def set_(tables: Stream, key: str, value: str) -> Stream:
    """One string in every row of a column."""
    result = []
    for table in tables.tables():
        group_key = {**table.key, **({key: value} if key in table.key else {})}
        columns = table.replacing({key: constant(value, FluxType.STRING, len(table))})
        result.append(Table(group_key, columns.rows))
    return Tables(merged(result))


@function()
def fill(tables: Stream, column: str = "_value", value: Any = None, use_previous: bool = False) -> Stream:
    """A value, or the one before, where a column has none."""
    if (value is None) == (not use_previous):
        raise BadArgument("fill requires exactly one of value or usePrevious")
    result = []
    for table in tables.tables():
        values = table[column]
        if use_previous:
            filled = pc.fill_null_forward(values)
        elif BY_PYTHON.get(type(value)) != FluxType.of_arrow(values.type):
            raise FluxError(f"fill column type mismatch: {type_name(values)}/{type_name(value)}")
        else:
            filled = pc.fill_null(values, pa.scalar(bare(value), values.type))
        key = dict(table.key)
        if column in key and len(filled):
            key[column] = scalar_at(filled, 0)
        result.append(Table(key, table.replacing({column: filled}).rows))
    return Tables(merged(result))
