"""``pivot``: values of rows into columns of their own.

"Flux standard library / universe / pivot" (https://docs.influxdata.com/flux/v0/stdlib/universe/pivot/).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import function
from ons_sandbox.influx.flux.tables import Stream, Table, Tables, merged, numbered
from ons_sandbox.influx.flux.text import of_column
from ons_sandbox.influx.flux.values import FluxType, constant


@dataclass(slots=True)
class _Group:
    """What goes into one table: its rows by key, and for each new column where its values belong."""

    parts: list[Table] = field(default_factory=list)
    values: list[tuple[pa.Array, pa.Array]] = field(default_factory=list)


@function()
def pivot(tables: Stream, row_key: list[str], column_key: list[str], value_column: str) -> Stream:
    """One row for each row key, with a column for each column key; the last of several values counts."""
    groups: dict[object, _Group] = {}
    for table in tables.tables():
        _check(table, row_key, column_key, value_column)
        left = [
            name
            for name in table.columns
            if (name in table.key and name not in column_key and name != value_column) or name in row_key
        ]
        key = {name: value for name, value in table.key.items() if name in left}
        part = Table(key, table.rows.select(left))
        group = groups.setdefault(part.identity(), _Group())
        group.parts.append(part)
        group.values.append((_labels(table, column_key), table[value_column]))
    return Tables(_pivoted(group, row_key) for group in groups.values())


def _check(table: Table, row_key: list[str], column_key: list[str], value_column: str) -> None:
    for name in (*column_key, value_column):
        if name not in table or value_column in column_key:
            raise FluxError(f"pivot: specified column does not exist in table: {name}")
    for name in row_key:
        if name not in table:
            raise FluxError(f"pivot: specified row key column does not exist in table: {name}")


def _labels(table: Table, column_key: list[str]) -> pa.Array:
    """The name of the column that each row's value goes into."""
    if not column_key:
        return constant("", FluxType.STRING, len(table))
    texts = [pc.fill_null(of_column(table[name]), "null") for name in column_key]
    return pc.binary_join_element_wise(*texts, "_")


def _pivoted(group: _Group, row_key: list[str]) -> Table:
    rows = merged(group.parts)[0]
    numbers, firsts = numbered([rows[name] for name in row_key])
    columns = rows.take(firsts).by_name()
    ends = np.cumsum([len(part) for part in group.parts])
    for (labels, values), own_rows in zip(group.values, np.split(numbers, ends[:-1]), strict=True):
        for label in labels.unique().to_pylist():
            chosen = pc.equal(labels, label)
            targets = own_rows[chosen.to_numpy(zero_copy_only=False)]
            column = _scattered(values.filter(chosen), targets, len(firsts))
            columns[label] = _over(columns.get(label), column, label)
    return Table.of(rows.key, columns)


def _scattered(
    values: pa.Array, targets: np.ndarray[tuple[int], np.dtype[np.int64]], length: int
) -> pa.Array:
    """Values at the rows they belong to, the last one where several do; null elsewhere."""
    sources = np.full(length, -1, np.int64)
    sources[targets] = np.arange(len(targets))
    return values.take(pa.array(sources, mask=sources < 0))


def _over(older: pa.Array | None, newer: pa.Array, label: str) -> pa.Array:
    if older is None:
        return newer
    if older.type != newer.type:
        raise FluxError(f'schema collision: pivot would make column "{label}" of several types')
    return pc.coalesce(newer, older)
