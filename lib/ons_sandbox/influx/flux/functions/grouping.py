"""Regrouping: ``group``, ``union``, ``keep``, ``drop``, ``unique``, ``distinct``.

"Flux standard library / universe", the pages of the functions named
(https://docs.influxdata.com/flux/v0/stdlib/universe/).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa

from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import BadArgument, Execution, FluxFunction, function
from ons_sandbox.influx.flux.storage import StorageRead
from ons_sandbox.influx.flux.tables import Stream, Table, Tables, key_columns, merged, numbered, regrouped
from ons_sandbox.influx.flux.values import FluxType


class Grouped(Tables):
    """What ``group`` made, and of what: of two one after the other, only the second counts."""

    def __init__(self, tables: Iterable[Table], source: Stream) -> None:
        super().__init__(tables, source.bounds)
        self.source = source


@function()
def group(tables: Stream, columns: list[str] | None = None, mode: str = "by") -> Stream:
    """Tables by the values of these columns, or of all but these."""
    if mode not in ("by", "except"):
        raise BadArgument('invalid group mode: must be "by" or "except"')
    names = columns or []
    source = tables.source if isinstance(tables, Grouped) else tables
    if isinstance(source, StorageRead):
        handed_down = source.grouped(names, mode == "by")
        if handed_down is not None:
            return handed_down
        source = replace(source, grouping=None)
    if mode == "by":
        return Grouped(regrouped(source.tables(), lambda table: names), source)
    return Grouped(
        regrouped(source.tables(), lambda table: [x for x in table.columns if x not in names]), source
    )


@function()
def union(tables: list[Stream]) -> Stream:
    """The rows of several streams; tables of the same group key become one."""
    if len(tables) < 2:
        raise BadArgument("union must have at least two streams as input")
    bounds = [stream.bounds for stream in tables if stream.bounds]
    everything = merged(table for stream in tables for table in stream.tables())
    if len(bounds) < len(tables):
        return Tables(everything)
    return Tables(everything, (min(start for start, _ in bounds), max(stop for _, stop in bounds)))


@function()
def keep(
    execution: Execution,
    tables: Stream,
    columns: list[str] | None = None,
    fn: FluxFunction | None = None,
) -> Stream:
    """Only these columns, or those that ``fn`` holds for."""
    return _selected(execution, tables, columns, fn, True)


@function()
def drop(
    execution: Execution,
    tables: Stream,
    columns: list[str] | None = None,
    fn: FluxFunction | None = None,
) -> Stream:
    """All but these columns, or but those that ``fn`` holds for."""
    return _selected(execution, tables, columns, fn, False)


def _selected(
    execution: Execution, tables: Stream, columns: list[str] | None, fn: FluxFunction | None, keep: bool
) -> Stream:
    if (columns is None) == (fn is None):
        raise BadArgument("must provide one of columns or fn, but not both")

    def named(column: str) -> bool:
        return column in columns if columns is not None else _holds(execution, fn, column)

    parts = []
    for table in tables.tables():
        names = [name for name in table.columns if named(name) == keep]
        key = {name: value for name, value in table.key.items() if name in names}
        if names:
            parts.append(Table(key, table.rows.select(names)))
    return Tables(merged(parts))


def _holds(execution: Execution, fn: FluxFunction | None, column: str) -> bool:
    holds = fn.call(execution, {"column": column}) if fn else False
    if not isinstance(holds, bool):
        raise FluxError("expected bool for return type (argument fn)")
    return holds


@function()
def unique(tables: Stream, column: str = "_value") -> Stream:
    """The first row with each value of the column."""
    result = []
    for table in tables.tables():
        if column not in table:
            raise FluxError(f'no column "{column}" exists')
        result.append(table.take(numbered([table[column]])[1]))
    return Tables(result)


@function()
def distinct(tables: Stream, column: str = "_value") -> Stream:
    """Each value of the column once, as ``_value``, with the columns of the group key."""
    result = []
    for table in tables.tables():
        if column in table:
            values = table[column].take(pa.array(numbered([table[column]])[1]))
        else:
            values = pa.nulls(1, FluxType.STRING.arrow)
        key = {name: array for name, array in key_columns(table, len(values)).items() if name != "_value"}
        result.append(Table.of({name: table.key[name] for name in key}, {**key, "_value": values}))
    return Tables(result)
