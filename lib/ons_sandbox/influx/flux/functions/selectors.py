"""Rows of many: ``first last min max quantile median``, and ``limit tail sort``.

"Flux standard library / universe" and "Function types / Selectors"
(https://docs.influxdata.com/flux/v0/stdlib/). A selector of one row passes over nulls; like an aggregate,
it works on runs of values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import BadArgument, function
from ons_sandbox.influx.flux.storage import StorageRead
from ons_sandbox.influx.flux.tables import Stream, Table, Tables
from ons_sandbox.influx.flux.values import FluxType

from .aggregates import Runs, aggregated, floats, quantile_of

Rows = npt.NDArray[np.int64]
Selector = Callable[[Runs], Rows]
NO_ROW = -1
ORDERED = (FluxType.INT, FluxType.UINT, FluxType.FLOAT, FluxType.TIME)


@function()
def first(tables: Stream, column: str = "_value") -> Stream:
    """The first row with a value."""
    if isinstance(tables, StorageRead) and column == "_value":
        return Tables(tables.edge("first"))
    return selected(tables, column, first_of)


@function()
def last(tables: Stream, column: str = "_value") -> Stream:
    """The last row with a value."""
    if isinstance(tables, StorageRead) and column == "_value":
        return Tables(tables.edge("last"))
    return selected(tables, column, last_of)


@function("min")
def min_(tables: Stream, column: str = "_value") -> Stream:
    """The first row with the smallest value."""
    return selected(tables, column, min_of)


@function("max")
def max_(tables: Stream, column: str = "_value") -> Stream:
    """The first row with the largest value."""
    return selected(tables, column, max_of)


@function()
def quantile(
    tables: Stream,
    q: float,
    column: str = "_value",
    method: str = "estimate_tdigest",
    compression: float = 1000.0,
) -> Stream:
    """The value that a share ``q`` of the values is not above: estimated, exact, or the row that has it.

    The estimate is the one that a t-digest gives when it has not had to merge values.
    """
    if not 0 <= q <= 1:
        raise BadArgument("quantile must be between 0 and 1")
    match method:
        case "estimate_tdigest":
            return aggregated(tables, column, lambda runs: quantile_of(runs, q, 0.5))
        case "exact_mean":
            return aggregated(tables, column, lambda runs: quantile_of(floats(runs), q, 0.0))
        case "exact_selector":
            return selected(tables, column, lambda runs: quantile_row_of(runs, q))
    raise BadArgument(f"unknown method {method}")


@function()
def median(
    tables: Stream,
    column: str = "_value",
    method: str = "estimate_tdigest",
    compression: float = 1000.0,
) -> Stream:
    """The quantile of a half."""
    return quantile(tables, 0.5, column, method, compression)


@function()
def limit(tables: Stream, n: int, offset: int = 0) -> Stream:
    """The first ``n`` rows after ``offset`` of each table."""
    if n <= 0 or offset < 0:
        raise BadArgument("n must be greater than 0, offset must not be negative")
    return _shortened(tables, lambda size: (offset, n))


@function()
def tail(tables: Stream, n: int, offset: int = 0) -> Stream:
    """The last ``n`` rows before the last ``offset`` of each table."""
    if n <= 0 or offset < 0:
        raise BadArgument("n must be greater than 0, offset must not be negative")
    return _shortened(tables, lambda size: (max(size - offset - n, 0), min(n, max(size - offset, 0))))


def _shortened(tables: Stream, cut: Callable[[int], tuple[int, int]]) -> Stream:
    """Each table from a row on for a number of rows; one that loses all its rows is dropped."""
    shorter = [(table, table.with_rows(table.rows.slice(*cut(len(table))))) for table in tables.tables()]
    return Tables(after for before, after in shorter if len(after) or not len(before))


@function()
def sort(tables: Stream, columns: list[str] | None = None, desc: bool = False) -> Stream:
    """Rows in the order of these columns; nulls come first."""
    result = []
    for table in tables.tables():
        keys: dict[str, tuple[pa.Array, str]] = {}
        for name in columns or ["_value"]:
            if name in table:
                keys[f"{name} is there"] = table[name].is_valid(), "ascending"
                keys[name] = table[name], "descending" if desc else "ascending"
        if keys:
            order = pc.sort_indices(
                pa.table({name: array for name, (array, _) in keys.items()}),
                sort_keys=[(name, direction) for name, (_, direction) in keys.items()],
            )
            table = table.with_rows(table.rows.take(order))
        result.append(table)
    return Tables(result)


def selected(tables: Stream, column: str, selector: Selector) -> Stream:
    """One row a table, or none where no row has a value."""
    result: list[Table] = []
    for table in tables.tables():
        rows = selector(Runs(table[column], np.array([0, len(table)])))
        result.append(table.take(rows[rows != NO_ROW]))
    return Tables(result)


def first_of(runs: Runs) -> Rows:
    """The first row of each run that has a value."""
    rows, offsets = _rows_with_value(runs)
    return _chosen(rows, offsets[:-1], offsets)


def last_of(runs: Runs) -> Rows:
    """The last row of each run that has a value."""
    rows, offsets = _rows_with_value(runs)
    return _chosen(rows, offsets[1:] - 1, offsets)


def min_of(runs: Runs) -> Rows:
    """The first row of each run that has its smallest value."""
    rows, offsets = _rows_by_value(runs, "min")
    return _chosen(rows, offsets[:-1], offsets)


def max_of(runs: Runs) -> Rows:
    """The first row of each run that has its largest value."""
    rows, offsets = _rows_by_value(runs, "max", descending=True)
    return _chosen(rows, offsets[:-1], offsets)


def quantile_row_of(runs: Runs, q: float) -> Rows:
    """The row of each run below or at which a share ``q`` of the values lies."""
    rows, offsets = _rows_by_value(runs, "quantile")
    position = np.ceil(q * np.diff(offsets)).astype(np.int64) - 1
    return _chosen(rows, offsets[:-1] + np.maximum(position, 0), offsets)


def _rows_with_value(runs: Runs) -> tuple[Rows, Rows]:
    """The numbers of the rows that are not null, and where the runs are among them."""
    valid = runs.values.is_valid().to_numpy(zero_copy_only=False)
    return np.flatnonzero(valid), np.concatenate([[0], np.cumsum(valid)])[runs.offsets]


def _rows_by_value(runs: Runs, name: str, descending: bool = False) -> tuple[Rows, Rows]:
    """The same, each run in the order of its values; equal ones in the order of their rows."""
    if runs.type not in ORDERED:
        raise FluxError(f"invalid use of function: {name} has no implementation for type {runs.type.label}")
    rows, offsets = _rows_with_value(runs)
    values, _ = runs.known()
    _, ranks = np.unique(values, return_inverse=True)
    run = np.repeat(np.arange(len(runs)), np.diff(offsets))
    return rows[np.lexsort((rows, -ranks if descending else ranks, run))], offsets


def _chosen(rows: Rows, positions: Rows, offsets: Rows) -> Rows:
    """The rows at these positions; NO_ROW for runs without any."""
    if not len(rows):
        return np.full(len(offsets) - 1, NO_ROW)
    inside = np.clip(positions, 0, len(rows) - 1)
    return np.where(np.diff(offsets) > 0, rows[inside], NO_ROW)
