"""Aggregates: one value of many. ``count sum mean spread stddev median quantile``.

"Flux standard library / universe" and "Function types / Aggregates"
(https://docs.influxdata.com/flux/v0/stdlib/). An aggregate works on runs of values, so that a table and all
windows of a table are the same to it. Nulls are left out by all but ``count``; the result for no values is
null.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import BadArgument, function
from ons_sandbox.influx.flux.storage import StorageRead
from ons_sandbox.influx.flux.tables import Stream, Table, Tables, key_columns
from ons_sandbox.influx.flux.values import FluxType

Offsets = npt.NDArray[np.int64]
NUMERIC = (FluxType.INT, FluxType.UINT, FluxType.FLOAT)


@dataclass(frozen=True, slots=True)
class Runs:
    """Values one run after the other: run ``i`` is from ``offsets[i]`` up to before ``offsets[i + 1]``."""

    values: pa.Array
    offsets: Offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def type(self) -> FluxType:
        """The type of the values."""
        return FluxType.of_arrow(self.values.type)

    def known(self) -> tuple[npt.NDArray[Any], Offsets]:
        """The values without nulls, and where the runs are then."""
        valid = self.values.is_valid().to_numpy(zero_copy_only=False)
        positions = np.concatenate([[0], np.cumsum(valid)])
        return self.values.drop_null().to_numpy(zero_copy_only=False), positions[self.offsets]


Aggregate = Callable[[Runs], pa.Array]


@function()
def count(tables: Stream, column: str = "_value") -> Stream:
    """The number of rows, nulls included."""
    if isinstance(tables, StorageRead) and column == "_value":
        return Tables(tables.counts())
    return aggregated(tables, column, count_of)


@function("sum")
def sum_(tables: Stream, column: str = "_value") -> Stream:
    """The sum."""
    return aggregated(tables, column, sum_of)


@function()
def mean(tables: Stream, column: str = "_value") -> Stream:
    """The arithmetic mean."""
    return aggregated(tables, column, mean_of)


@function()
def spread(tables: Stream, column: str = "_value") -> Stream:
    """The largest less the smallest."""
    return aggregated(tables, column, spread_of)


@function()
def stddev(tables: Stream, column: str = "_value", mode: str = "sample") -> Stream:
    """The standard deviation of a sample, or of a population."""
    if mode not in ("sample", "population"):
        raise BadArgument(f'"{mode}" is not a valid standard deviation mode')
    return aggregated(tables, column, lambda runs: stddev_of(runs, 1 if mode == "sample" else 0))


def aggregated(tables: Stream, column: str, aggregate: Aggregate) -> Stream:
    """One row a table: the columns of the group key, and the aggregate of a column."""
    result = []
    for table in tables.tables():
        value = aggregate(Runs(aggregable(table, column), np.array([0, len(table)])))
        columns = {**key_columns(table, 1), column: value}
        if isinstance(tables, StorageRead):
            columns = {name: columns[name] for name in table.columns if name in columns}
        result.append(Table.of(table.key, columns))
    return Tables(result)


def aggregable(table: Table, column: str) -> pa.Array:
    """The column, if it can be aggregated. Raises FluxError when it is not there, or in the group key."""
    if column in table.key:
        raise FluxError("cannot aggregate columns that are part of the group key")
    return table[column]


def count_of(runs: Runs) -> pa.Array:
    """How many there are in each run."""
    return pa.array(np.diff(runs.offsets), FluxType.INT.arrow)


def sum_of(runs: Runs) -> pa.Array:
    """The sum of each run."""
    _check(runs, "sum")
    values, offsets = runs.known()
    return _or_null(_sums(values, offsets), offsets, runs.type)


def mean_of(runs: Runs) -> pa.Array:
    """The mean of each run."""
    _check(runs, "mean")
    values, offsets = runs.known()
    sums = _sums(values.astype(np.float64), offsets)
    return _or_null(sums / np.maximum(np.diff(offsets), 1), offsets, FluxType.FLOAT)


def spread_of(runs: Runs) -> pa.Array:
    """The spread of each run."""
    _check(runs, "spread")
    values, offsets = runs.known()
    spreads = _fold(np.maximum, values, offsets) - _fold(np.minimum, values, offsets)
    return _or_null(spreads, offsets, runs.type)


def stddev_of(runs: Runs, ddof: int) -> pa.Array:
    """The standard deviation of each run; of one value, a sample has none (NaN)."""
    _check(runs, "stddev")
    values, offsets = runs.known()
    numbers = values.astype(np.float64)
    sizes = np.diff(offsets)
    means = _sums(numbers, offsets) / np.maximum(sizes, 1)
    squares = _sums((numbers - np.repeat(means, sizes)) ** 2, offsets)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _or_null(np.sqrt(squares / (sizes - ddof)), offsets, FluxType.FLOAT)


def quantile_of(runs: Runs, q: float, shift: float) -> pa.Array:
    """The quantile of each run, interpolated between the values at either side of its position.

    The position of ``q`` among n sorted values is ``q * (n - 1 + 2 * shift) - shift``: shift 0 puts the
    smallest at 0 and the largest at 1 ("exact_mean"), shift 0.5 puts each value in the middle of its share,
    as a t-digest does.
    """
    _check(runs, "quantile")
    values, offsets = runs.known()
    sizes = np.diff(offsets)
    ordered = values[np.lexsort((values, np.repeat(np.arange(len(sizes)), sizes)))].astype(np.float64)
    position = np.clip(q * (sizes - 1 + 2 * shift) - shift, 0, np.maximum(sizes - 1, 0))
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(sizes - 1, 0))
    part = position - below
    starts = np.where(sizes > 0, offsets[:-1], 0)
    if not len(ordered):
        return pa.nulls(len(runs), FluxType.FLOAT.arrow)
    result = ordered[starts + below] * (1 - part) + ordered[starts + above] * part
    return _or_null(result, offsets, FluxType.FLOAT)


def floats(runs: Runs) -> Runs:
    """The same runs, if they are of floats: what not every aggregate of numbers takes."""
    if runs.type != FluxType.FLOAT:
        raise FluxError(f"unsupported aggregate column type {runs.type.label}")
    return runs


def _sums(values: npt.NDArray[Any], offsets: Offsets) -> npt.NDArray[Any]:
    """The sum of each run; floats are added one after the other, as Flux does, for the last digit."""
    if values.dtype.kind != "f":
        return _fold(np.add, values, offsets)
    runs = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.bincount(runs, weights=values, minlength=len(offsets) - 1)


def _fold(ufunc: np.ufunc, values: npt.NDArray[Any], offsets: Offsets) -> npt.NDArray[Any]:
    """The ufunc folded over each run; whatever for runs without values."""
    result = np.zeros(len(offsets) - 1, values.dtype)
    filled = np.diff(offsets) > 0
    if filled.any():
        result[filled] = ufunc.reduceat(values, offsets[:-1][filled])
    return result


def _or_null(results: npt.NDArray[Any], offsets: Offsets, type_: FluxType) -> pa.Array:
    return pa.array(results, type_.arrow, mask=np.diff(offsets) == 0)


def _check(runs: Runs, name: str) -> None:
    if runs.type not in NUMERIC:
        raise FluxError(f"unsupported input type for {name} aggregate: {runs.type.label}")
