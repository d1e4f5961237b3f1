"""Reading from a bucket, as late as possible: what a pipeline hands down to storage.

InfluxDB's planner hands ``range``, filters on columns, ``group``, ``first`` and ``last`` down to the
storage engine ("Optimize Flux queries / Start queries with pushdowns" in the InfluxDB OSS v2
documentation). Two consequences are seen from outside and kept here: to such a filter, a tag that a series
lacks is an empty string; and a group that storage makes keeps ``_start`` and ``_stop`` in its key, and its
``first`` and ``last`` go by time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ons_sandbox.influx.database import Edge
from ons_sandbox.influx.errors import BucketNotFound, InfluxError
from ons_sandbox.influx.series import Series

from .conditions import Condition, divided
from .errors import FluxError
from .evaluate import Closure
from .registry import Execution
from .rows import StoredRow
from .tables import Stream, Table, key_columns, merged, sort_by_key
from .values import FluxType, Scalar, Time, constant

POINT_COLUMNS = ("_start", "_stop", "_time", "_value")


@dataclass(frozen=True)
class Grouping:
    """A ``group`` handed down: by these labels, or by all but these."""

    columns: frozenset[str]
    by: bool

    def key_of(self, table: Table) -> list[str]:
        """The columns that are the key of the table's group."""
        return [
            name for name in table.key if name in ("_start", "_stop") or (name in self.columns) == self.by
        ]


@dataclass(frozen=True, eq=False)
class StorageRead(Stream):
    """What ``from`` gives: points of a bucket in a range, filtered and grouped, once they are asked for."""

    execution: Execution
    bucket: str
    bounds: tuple[Time, Time] | None = None
    conditions: tuple[Condition, ...] = ()
    grouping: Grouping | None = None

    def filtered(self, predicate: Closure) -> tuple[StorageRead, Closure | None]:
        """The same read with what storage can decide of the predicate, and what is left of that."""
        conditions, rest = divided(predicate)
        return replace(self, conditions=self.conditions + conditions), rest

    def grouped(self, columns: list[str], by: bool) -> StorageRead | None:
        """The same read, grouped like this and no other way; None when storage cannot."""
        names = frozenset(columns)
        of_points = {"_time", "_value"}
        by_point = bool(names & of_points) if by else not of_points <= names
        return None if by_point else replace(self, grouping=Grouping(names, by))

    def tables(self) -> list[Table]:
        """A table for each series, or for each group."""
        return self._all_tables

    @cached_property
    def _all_tables(self) -> list[Table]:
        return self._in_groups([table for _, table in self._read(None)])

    def edge(self, edge: Edge) -> list[Table]:
        """The first or the last point of each table; in a group, by time."""
        tables = self._in_groups([table for _, table in self._read(edge)])
        return [table.take(_edge_row(table["_time"], edge)) for table in tables]

    def counts(self) -> list[Table]:
        """How many points each table has, as ``_value``; in a group, points of all types count."""
        if any(condition.needs_values for condition in self.conditions):
            counted = [(one, len(table)) for one, table in self._read(None)]
        else:
            chosen = self._chosen()
            counts = self.execution.store.count(self._bucket_id, chosen, *self._nanoseconds)
            counted = [(one, counts[one.id]) for one in chosen if one.id in counts]
        tables = self._in_groups([self._count_table(one, number) for one, number in counted])
        return [_summed(table) for table in tables]

    def series(self) -> list[Series]:
        """The series that have points here."""
        if any(condition.needs_values for condition in self.conditions):
            return [one for one, _ in self._read("last")]
        chosen = self._chosen()
        counts = self.execution.store.count(self._bucket_id, chosen, *self._nanoseconds)
        return [one for one in chosen if one.id in counts]

    def _read(self, edge: Edge | None) -> Iterator[tuple[Series, Table]]:
        """Each series with its points that meet the conditions; none without points."""
        on_values = [condition for condition in self.conditions if condition.needs_values]
        handed_down = None if on_values else edge  # the last point may not be the last that meets them
        store = self.execution.store
        for one, times, values in store.read(
            self._bucket_id, self._chosen(), *self._nanoseconds, handed_down
        ):
            table = self._table(one, times, values)
            for condition in on_values:
                kept = condition.holds(StoredRow(one.labels(), table.by_name()), self.execution)
                if not isinstance(kept, pa.Array):
                    kept = constant(kept, FluxType.BOOL, len(table))
                table = table.with_rows(table.rows.filter(kept))
            if len(table):
                yield one, table

    def _chosen(self) -> list[Series]:
        on_names = [condition for condition in self.conditions if not condition.needs_values]
        return [
            one
            for one in self.execution.store.series(self._bucket_id)
            if all(condition.holds(StoredRow(one.labels(), {}), self.execution) for condition in on_names)
        ]

    @property
    def _bucket_id(self) -> str:
        try:
            return self.execution.store.bucket(self.bucket).id
        except BucketNotFound as error:
            raise InfluxError(
                "not found", f'failed to initialize execute state: could not find bucket "{self.bucket}"'
            ) from error

    @property
    def _range(self) -> tuple[Time, Time]:
        if self.bounds is None:
            raise FluxError(
                "error in building plan while starting program: cannot submit unbounded read to "
                f"\"{self.bucket}\"; try bounding 'from' with a call to 'range'"
            )
        return self.bounds

    @property
    def _nanoseconds(self) -> tuple[int, int]:
        start, stop = self._range
        return start.nanoseconds, stop.nanoseconds

    def _table(self, series: Series, times: pa.Array, values: pa.Array) -> Table:
        start, stop = self._range
        key: dict[str, Scalar] = {"_start": start, "_stop": stop, **series.labels()}
        columns = {
            "_start": constant(start, FluxType.TIME, len(times)),
            "_stop": constant(stop, FluxType.TIME, len(times)),
            "_time": times.view(FluxType.TIME.arrow),
            "_value": values,
        }
        for name, label in series.labels().items():
            columns[name] = constant(label, FluxType.STRING, len(times))
        return Table.of(key, columns)

    def _count_table(self, series: Series, count: int) -> Table:
        times = pa.array([0], pa.int64())
        table = self._table(series, times, pa.array([count], FluxType.INT.arrow))
        return table.with_rows(table.rows.select([name for name in table.columns if name != "_time"]))

    def _in_groups(self, tables: list[Table]) -> list[Table]:
        if self.grouping is None:
            return tables
        keyed = [
            Table({name: table.key[name] for name in self.grouping.key_of(table)}, table.rows)
            for table in tables
        ]
        return [_in_storage_order(table) for table in sort_by_key(merged(keyed))]


def _in_storage_order(table: Table) -> Table:
    fixed = [name for name in (*POINT_COLUMNS, "_field", "_measurement") if name in table]
    tags = sorted(name for name in table.columns if name not in fixed)
    return table.with_rows(table.rows.select([*fixed, *tags]))


def _summed(table: Table) -> Table:
    """One row with the key of the table and the sum of its values."""
    total = pa.array([pc.sum(table["_value"]).as_py()], FluxType.INT.arrow)
    columns = {**key_columns(table, 1), "_value": total}
    return Table.of(table.key, {name: columns[name] for name in table.columns if name in columns})


def _edge_row(times: pa.Array, edge: Edge) -> np.ndarray[Any, np.dtype[np.int64]]:
    moments = times.cast(pa.int64()).to_numpy()
    if edge == "first":
        return np.array([moments.argmin()])
    return np.array([len(moments) - 1 - moments[::-1].argmax()])
