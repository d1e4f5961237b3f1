"""Functions applied to rows: ``filter`` and ``map``.

"Flux standard library / universe", the pages of the functions named
(https://docs.influxdata.com/flux/v0/stdlib/universe/).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ons_sandbox.influx.flux import operators
from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.evaluate import Closure
from ons_sandbox.influx.flux.registry import BadArgument, Execution, FluxFunction, function
from ons_sandbox.influx.flux.rows import TableRow
from ons_sandbox.influx.flux.storage import StorageRead
from ons_sandbox.influx.flux.tables import Stream, Table, Tables, merged
from ons_sandbox.influx.flux.values import BY_PYTHON, constant, type_name


@function("filter")
def filter_(execution: Execution, tables: Stream, fn: FluxFunction, on_empty: str = "drop") -> Stream:
    """The rows for which ``fn`` holds; tables left without rows are dropped, or kept."""
    if on_empty not in ("drop", "keep"):
        raise BadArgument(f'onEmpty must be keep or drop, was "{on_empty}"')
    _check_row_function(fn)
    rest: FluxFunction | None = fn
    if isinstance(tables, StorageRead) and tables.grouping is None and on_empty == "drop":
        if isinstance(fn, Closure) and not fn.function.assignments:
            tables, rest = tables.filtered(fn)
        if rest is None:
            return tables
    kept = (_filtered(execution, table, fn) for table in tables.tables())
    return Tables(table for table in kept if len(table) or on_empty == "keep")


@function("map")
def map_(execution: Execution, tables: Stream, fn: FluxFunction) -> Stream:
    """Rows made by ``fn`` of each row; the columns that it gives are all that remain, key or not."""
    _check_row_function(fn)
    parts: list[Table] = []
    for table in tables.tables():
        record = fn.call(execution, {"r": TableRow(table)})
        if not isinstance(record, dict):
            raise FluxError(f"map: map function must return an object, got {type_name(record)}")
        columns = {
            name: _column(name, value, len(table)) for name, value in record.items() if value is not None
        }
        parts += _with_key_of(table, columns)
    return Tables(merged(parts))


def _check_row_function(fn: FluxFunction) -> None:
    if isinstance(fn, Closure):
        for parameter in fn.function.parameters:
            if parameter.name != "r" and parameter.default is None:
                raise FluxError(
                    f"found unexpected argument {parameter.name} (Expected `r`) (argument fn)", fn.function.at
                )


def _filtered(execution: Execution, table: Table, fn: FluxFunction) -> Table:
    kept = operators.truth(fn.call(execution, {"r": TableRow(table)}))
    if not isinstance(kept, pa.Array):
        return table if kept else table.with_rows(table.rows.slice(0, 0))
    return table.with_rows(table.rows.filter(kept))


def _column(name: str, value: Any, length: int) -> pa.Array:
    """A member of what ``map``'s function gave, as a column."""
    if isinstance(value, pa.Array):
        return value
    if isinstance(value, pa.Scalar):
        return pa.nulls(length, value.type)
    if type(value) not in BY_PYTHON:
        raise FluxError(
            f'map: map object property "{name}" is {type_name(value)} type which is not supported in a flux '
            "table"
        )
    return constant(value, BY_PYTHON[type(value)], length)


def _with_key_of(table: Table, columns: dict[str, pa.Array]) -> list[Table]:
    """The columns, grouped by those that were in the table's key; they may hold other values now."""
    names = [name for name in columns if name in table.key]
    unchanged = {name: table.key[name] for name in names if columns[name] is table[name]}
    return Table.of(unchanged, columns).keyed_by(names)
