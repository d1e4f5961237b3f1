"""Windows of time: ``window`` and ``aggregateWindow``.

"Flux standard library / universe / window" and ".../aggregateWindow"
(https://docs.influxdata.com/flux/v0/stdlib/universe/aggregatewindow/). ``aggregateWindow`` is ``window``, a
function for each of its tables, and everything put back together; for functions of the standard library,
all windows of a table are done at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from ons_sandbox.influx.flux.bounds import Windows, windows_between
from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import BadArgument, Builtin, Execution, FluxFunction, function
from ons_sandbox.influx.flux.storage import StorageRead
from ons_sandbox.influx.flux.tables import Stream, Table, Tables, key_columns, merged
from ons_sandbox.influx.flux.values import Duration, FluxType, Time, constant

from . import aggregates, selectors
from .aggregates import Aggregate, Runs, aggregable
from .selectors import NO_ROW, Selector

Bounds = tuple[Time, Time]
ZERO = Duration(0, 0)

AGGREGATES: dict[str, Aggregate] = {
    "count": aggregates.count_of,
    "sum": aggregates.sum_of,
    "mean": aggregates.mean_of,
    "spread": aggregates.spread_of,
    "stddev": partial(aggregates.stddev_of, ddof=1),
    "median": partial(aggregates.quantile_of, q=0.5, shift=0.5),
}
SELECTORS: dict[str, Selector] = {
    "first": selectors.first_of,
    "last": selectors.last_of,
    "min": selectors.min_of,
    "max": selectors.max_of,
}


@dataclass(frozen=True, slots=True)
class _Spacing:
    """How windows lie: how far apart, how long, from where on, and whether those without rows count."""

    every: Duration
    period: Duration
    offset: Duration
    create_empty: bool

    def over(self, table: Table, bounds: Bounds) -> Windows:
        """The windows of a table."""
        times = table["_time"].cast(pa.int64()).drop_null().to_numpy()
        return windows_between(
            *bounds, self.every, self.period, self.offset, None if self.create_empty else times
        )


@function()
def window(
    tables: Stream,
    every: Duration = ZERO,
    period: Duration = ZERO,
    offset: Duration = ZERO,
    create_empty: bool = False,
) -> Stream:
    """A table for each window; its bounds become the ``_start`` and ``_stop`` of the group key."""
    spacing = _spacing(every, period, offset, create_empty)
    bounds = _bounds(tables)
    parts: list[Table] = []
    for table in tables.tables():
        windows = spacing.over(table, bounds)
        rows, offsets = windows.rows_of(table["_time"])
        for number, (start, stop) in enumerate(zip(windows.starts, windows.stops, strict=True)):
            inside = rows[offsets[number] : offsets[number + 1]]
            if create_empty or len(inside):
                parts.append(_bounded(table.take(inside), (Time(int(start)), Time(int(stop)))))
    return Tables(merged(parts))


@function()
def aggregate_window(
    execution: Execution,
    tables: Stream,
    every: Duration,
    fn: FluxFunction,
    period: Duration = ZERO,
    offset: Duration = ZERO,
    column: str = "_value",
    time_src: str = "_stop",
    time_dst: str = "_time",
    create_empty: bool = True,
) -> Stream:
    """An aggregate, or a selected row, of each window; ``time_dst`` is where the window stops, or as told."""
    spacing = _spacing(every, period, offset, create_empty)
    bounds = _bounds(tables)
    parts: list[Table] = []
    if isinstance(fn, Builtin) and fn.name in AGGREGATES | SELECTORS and time_src in ("_start", "_stop"):
        for table in tables.tables():
            windows = spacing.over(table, bounds)
            moments = windows.starts if time_src == "_start" else windows.stops
            part = _bounded(_all_at_once(table, windows, fn.name, column), bounds)
            part = part.replacing({time_dst: pa.array(moments).view(FluxType.TIME.arrow)})
            parts.append(_in_place(part, table) if isinstance(tables, StorageRead) else part)
    else:
        windowed = window(tables, every, period, offset, create_empty)
        for part in fn.call(execution, {"column": column}, windowed).tables():
            parts.append(_bounded(part.replacing({time_dst: part[time_src]}), bounds))
    return Tables(part for part in merged(parts) if len(part))


def _all_at_once(table: Table, windows: Windows, name: str, column: str) -> Table:
    """A row for each window: the aggregate, or the selected row, with the columns of the group key."""
    rows, offsets = windows.rows_of(table["_time"])
    runs = Runs(aggregable(table, column).take(pa.array(rows)), offsets)
    key = key_columns(table, len(runs))
    if name in AGGREGATES:
        return Table.of(table.key, {**key, column: AGGREGATES[name](runs)})
    chosen = SELECTORS[name](runs)
    numbers = pa.array(np.append(rows, NO_ROW)[chosen], mask=chosen == NO_ROW)
    return Table.of(table.key, {**table.with_rows(table.rows.take(numbers)).by_name(), **key})


def _in_place(part: Table, table: Table) -> Table:
    """The columns in the order in which storage has them."""
    known = [name for name in table.columns if name in part]
    return part.with_rows(part.rows.select([*known, *(name for name in part.columns if name not in known)]))


def _spacing(every: Duration, period: Duration, offset: Duration, create_empty: bool) -> _Spacing:
    for name, duration in (("every", every), ("period", period)):
        if duration.months < 0 or duration.nanoseconds < 0:
            raise BadArgument(f'parameter "{name}" must be non-negative')
        if duration.months and duration.nanoseconds:
            raise BadArgument(f'parameter "{name}" must be in months or in fixed units, not in both')
    if every == period == ZERO:
        raise BadArgument(
            'window function requires at least one of "every" or "period" to be set and non-zero'
        )
    return _Spacing(
        period if every == ZERO else every, every if period == ZERO else period, offset, create_empty
    )


def _bounds(tables: Stream) -> Bounds:
    if tables.bounds is None:
        raise FluxError(
            "failed to initialize execute state: nil bounds passed to window; use range to set the window "
            "range"
        )
    return tables.bounds


def _bounded(table: Table, bounds: Bounds) -> Table:
    named = dict(zip(("_start", "_stop"), bounds, strict=True))
    columns = {name: constant(bound, FluxType.TIME, len(table)) for name, bound in named.items()}
    return Table({**table.key, **named}, table.replacing(columns).rows)
