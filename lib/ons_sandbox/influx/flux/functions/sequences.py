"""What one row has to do with the row before: ``difference derivative elapsed``.

"Flux standard library / universe", the pages of the functions named
(https://docs.influxdata.com/flux/v0/stdlib/universe/).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import BadArgument, function
from ons_sandbox.influx.flux.tables import Stream, Table, Tables
from ons_sandbox.influx.flux.values import Duration, FluxType

SECOND = Duration(0, 1_000_000_000)
NUMERIC = (FluxType.INT, FluxType.UINT, FluxType.FLOAT)


@function()
def difference(
    tables: Stream,
    columns: list[str] | None = None,
    non_negative: bool = False,
    keep_first: bool = False,
) -> Stream:
    """The change of columns from the value before; where it fell, null if ``non_negative``."""
    result = []
    for table in tables.tables():
        changes = {}
        for name in _present(table, columns):
            values = _numbers(table, name, "difference")
            if FluxType.of_arrow(values.type) == FluxType.UINT:
                values = values.cast(pa.int64())
            change = pc.subtract(values, _before(pc.fill_null_forward(values)))
            changes[name] = _not_negative(change) if non_negative else change
        result.append(_without_first(table.replacing(changes), keep_first))
    return Tables(result)


@function()
def derivative(
    tables: Stream,
    unit: Duration = SECOND,
    non_negative: bool = False,
    columns: list[str] | None = None,
    time_column: str = "_time",
) -> Stream:
    """The change of columns from the value before, by unit of time."""
    unit_length = _nanoseconds(unit)
    result = []
    for table in tables.tables():
        times = _moments(table, time_column, "derivative")
        if len(table) > 1 and pc.min(pc.subtract(times[1:], times[:-1])).as_py() <= 0:
            raise FluxError(f"derivative found out-of-order times in time column {time_column}")
        rates = {}
        for name in _present(table, columns):
            values = _numbers(table, name, "derivative").cast(pa.float64())
            known_at = pc.if_else(values.is_valid(), times, pa.scalar(None, pa.int64()))
            units = pc.divide(
                pc.subtract(times, _before(pc.fill_null_forward(known_at))).cast(pa.float64(), safe=False),
                float(unit_length),
            )
            rate = pc.divide(pc.subtract(values, _before(pc.fill_null_forward(values))), units)
            rates[name] = _not_negative(rate) if non_negative else rate
        result.append(_without_first(table.replacing(rates), keep_first=False))
    return Tables(result)


@function()
def elapsed(
    tables: Stream,
    unit: Duration = SECOND,
    time_column: str = "_time",
    column_name: str = "elapsed",
) -> Stream:
    """Whole units of time since the row before."""
    unit_length = _nanoseconds(unit)
    result = []
    for table in tables.tables():
        times = _moments(table, time_column, "elapsed")
        units = pc.divide(pc.subtract(times, _before(times)), unit_length)
        result.append(_without_first(table.replacing({column_name: units}), keep_first=False))
    return Tables(result)


def _present(table: Table, columns: list[str] | None) -> list[str]:
    """The columns asked for, as far as they are there."""
    return [name for name in columns or ["_value"] if name in table]


def _nanoseconds(unit: Duration) -> int:
    if unit.months or unit.nanoseconds <= 0:
        raise BadArgument("unit must be a positive duration without months or years")
    return unit.nanoseconds


def _numbers(table: Table, name: str, what: str) -> pa.Array:
    if table.type_of(name) not in NUMERIC:
        raise FluxError(f"unsupported input type for {what}: {table.type_of(name).label}")
    return table[name]


def _moments(table: Table, name: str, what: str) -> pa.Array:
    if table.type_of(name) != FluxType.TIME:
        raise FluxError(f'{what}: column "{name}" is not of type time')
    return table[name].cast(pa.int64())


def _before(values: pa.Array) -> pa.Array:
    """The value of the row before; null in the first row."""
    return pa.concat_arrays([pa.nulls(min(len(values), 1), values.type), values[:-1]])


def _not_negative(changes: pa.Array) -> pa.Array:
    negative = pc.less(changes, pa.scalar(0, changes.type))
    return pc.if_else(pc.fill_null(negative, True), pa.scalar(None, changes.type), changes)


def _without_first(table: Table, keep_first: bool) -> Table:
    return table if keep_first else table.with_rows(table.rows.slice(1))
