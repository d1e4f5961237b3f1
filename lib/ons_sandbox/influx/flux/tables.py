"""Streams of tables: what flows through a Flux pipeline.

A table is rows that share a group key: the columns in the key hold one value each. See "Flux data model"
(https://docs.influxdata.com/flux/v0/spec/data-model/). Rows are an Arrow record batch, so that functions
work on columns, not on rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .errors import FluxError
from .values import FluxType, Scalar, Time, bare, constant, scalar_at

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and their group key (column and value); the columns of the key are among those of the rows."""

    key: Mapping[str, Scalar]
    rows: pa.RecordBatch

    @classmethod
    def of(cls, key: Mapping[str, Scalar], columns: Mapping[str, pa.Array]) -> Table:
        """A table of named columns, in their order."""
        return cls(key, pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns)))

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in order."""
        return list(self.rows.schema.names)

    def __contains__(self, name: str) -> bool:
        return name in self.rows.schema.names

    def __getitem__(self, name: str) -> pa.Array:
        if name not in self:
            raise FluxError(f'column "{name}" does not exist')
        return self.rows.column(name)

    def type_of(self, name: str) -> FluxType:
        """The type of a column."""
        return FluxType.of_arrow(self[name].type)

    def by_name(self) -> dict[str, pa.Array]:
        """The columns by name, in order."""
        return dict(zip(self.columns, self.rows.columns, strict=True))

    def with_rows(self, rows: pa.RecordBatch) -> Table:
        """The same key over other rows."""
        return Table(self.key, rows)

    def take(self, indices: Indices) -> Table:
        """Rows by their numbers, in that order."""
        return self.with_rows(self.rows.take(pa.array(indices)))

    def replacing(self, columns: Mapping[str, pa.Array]) -> Table:
        """The same table with columns replaced, or added at the end."""
        return Table.of(self.key, {**self.by_name(), **columns})

    def keyed_by(self, names: Iterable[str]) -> list[Table]:
        """The rows regrouped by these columns (those that are there), in the order in which groups appear."""
        present = [name for name in names if name in self]
        varying = [name for name in present if name not in self.key]
        kept = {name: self.key[name] for name in present if name in self.key}
        if not varying:
            return [Table(kept, self.rows)]
        numbers, firsts = numbered([self[name] for name in varying])
        ordered = self.rows.take(pa.array(np.argsort(numbers, kind="stable")))
        ends = np.cumsum(np.bincount(numbers, minlength=len(firsts)))
        parts = [
            ordered.slice(end - size, size) for end, size in zip(ends, np.diff(ends, prepend=0), strict=True)
        ]
        return [
            Table({**kept, **{name: scalar_at(part.column(name), 0) for name in varying}}, part)
            for part in parts
        ]

    def identity(self) -> tuple[tuple[str, FluxType, Scalar], ...]:
        """The group key as something to compare and to look up by."""
        return tuple((name, self.type_of(name), self.key[name]) for name in sorted(self.key))


class Stream(ABC):
    """What a pipeline passes on: tables, or the promise of them.

    ``bounds`` are those of the ``range`` that it went through; all that comes after keeps them.
    """

    type_name = "stream"
    bounds: tuple[Time, Time] | None = None

    @abstractmethod
    def tables(self) -> list[Table]:
        """The tables, in order."""


class Tables(Stream):
    """Tables that are there already."""

    def __init__(self, tables: Iterable[Table], bounds: tuple[Time, Time] | None = None) -> None:
        self._tables = list(tables)
        self.bounds = bounds

    def tables(self) -> list[Table]:
        """The tables, in order."""
        return self._tables


def numbered(columns: Sequence[pa.Array]) -> tuple[Indices, Indices]:
    """Number rows by the values they have in these columns, from 0 in the order in which the values appear.

    Gives the number of each row, and for each number the first row that has it.
    """
    codes = np.zeros(len(columns[0]) if columns else 0, np.int64)
    for array in columns:
        encoded = pc.dictionary_encode(array, null_encoding="encode")
        codes = codes * max(len(encoded.dictionary), 1) + encoded.indices.to_numpy(zero_copy_only=False)
        codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    _, firsts, inverse = np.unique(codes, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(firsts))[inverse], np.sort(firsts)


def regrouped(tables: Iterable[Table], key_of: Callable[[Table], list[str]]) -> list[Table]:
    """The rows of all tables by new keys, in the order of the keys.

    Tables of the same columns are done together, so that the cost is that of the rows, not of the tables.
    """
    alike: dict[Any, list[Table]] = {}
    parts: list[Table] = []
    for table in tables:
        key = key_of(table)
        if len(table):
            alike.setdefault((table.rows.schema, tuple(key)), []).append(table)
        elif all(name in table.key for name in key if name in table):
            parts += table.keyed_by(key)
    for (_, key), group in alike.items():
        together = group[0] if len(group) == 1 else Table({}, _concatenated(group).rows)
        parts += together.keyed_by(key)
    return sort_by_key(merged(parts))


def merged(tables: Iterable[Table]) -> list[Table]:
    """Tables of the same group key made into one, in the order in which keys appear."""
    groups: dict[Any, list[Table]] = {}
    for table in tables:
        groups.setdefault(table.identity(), []).append(table)
    return [group[0] if len(group) == 1 else _concatenated(group) for group in groups.values()]


def _concatenated(tables: list[Table]) -> Table:
    """One table of several with the same key; a column that one of them lacks is null there."""
    types: dict[str, FluxType] = {}
    for table in tables:
        for name in table.columns:
            type_ = table.type_of(name)
            if types.setdefault(name, type_) != type_:
                raise FluxError(
                    f"schema collision: cannot group {types[name].label} and {type_.label} types together"
                )
    return Table.of(
        tables[0].key,
        {
            name: pa.concat_arrays(
                [table[name] if name in table else pa.nulls(len(table), type_.arrow) for table in tables]
            )
            for name, type_ in types.items()
        },
    )


def sort_by_key(tables: Iterable[Table]) -> list[Table]:
    """Tables in the order of their group keys; a null comes first."""

    def position(table: Table) -> list[tuple[str, str, bool, Any]]:
        return [
            (name, type_.label, value is not None, bare(value)) for name, type_, value in table.identity()
        ]

    return sorted(tables, key=position)


def key_columns(table: Table, length: int) -> dict[str, pa.Array]:
    """The columns of the group key, as long as asked for."""
    return {
        name: constant(table.key[name], table.type_of(name), length)
        for name in table.columns
        if name in table.key
    }
