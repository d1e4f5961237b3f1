"""Where tables come from: ``from``, ``range``, ``buckets``, ``array.from``, and ``now``.

"Flux standard library", the pages of the functions named (https://docs.influxdata.com/flux/v0/stdlib/).
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.registry import BadArgument, Execution, function
from ons_sandbox.influx.flux.storage import StorageRead
from ons_sandbox.influx.flux.tables import Stream, Table, Tables
from ons_sandbox.influx.flux.values import (
    BY_PYTHON,
    Duration,
    FluxType,
    Scalar,
    Time,
    column,
    constant,
    type_name,
)
from ons_sandbox.influx.times import NANOSECONDS

EMPTY_RANGE = "error in building plan while starting program: cannot query an empty range"


@function("from")
def from_(execution: Execution, bucket: str | None = None, bucket_id: str | None = None) -> Stream:
    """The points of a bucket, by its name or id."""
    named = bucket or bucket_id
    if named is None:
        raise BadArgument("must specify bucket or bucketID")
    return StorageRead(execution, named)


@function()
def now(execution: Execution) -> Time:
    """The time of the query: when it arrived, or what the option ``now`` says."""
    return execution.now


@function()
def range_(
    execution: Execution,
    tables: Stream,
    start: Time | Duration | int,
    stop: Time | Duration | int | None = None,
) -> Stream:
    """Rows from ``start`` up to before ``stop``: moments, seconds since 1970, or durations from now."""
    first = moment(execution, start)
    end = execution.now if stop is None else moment(execution, stop)
    if end <= first:
        raise FluxError(EMPTY_RANGE)
    if isinstance(tables, StorageRead) and tables.bounds is None:
        return replace(tables, bounds=(first, end))
    return Tables([_bounded(table, first, end) for table in tables.tables()], (first, end))


def moment(execution: Execution, when: Time | Duration | int) -> Time:
    """The moment that an argument of ``range`` means."""
    if isinstance(when, Time):
        return when
    return execution.now.plus(when) if isinstance(when, Duration) else Time(when * NANOSECONDS)


def _bounded(table: Table, start: Time, stop: Time) -> Table:
    """The rows of a table in the range; where the table has bounds that overlap it, in both."""
    earliest, latest = table.key.get("_start"), table.key.get("_stop")
    if isinstance(earliest, Time) and isinstance(latest, Time) and earliest < stop and start < latest:
        start, stop = max(start, earliest), min(stop, latest)
    times = table["_time"]
    first, end = (pa.scalar(bound.nanoseconds, FluxType.TIME.arrow) for bound in (start, stop))
    inside = pc.and_(pc.greater_equal(times, first), pc.less(times, end))
    rows = table.rows.filter(inside)
    bounds = {"_start": start, "_stop": stop}
    columns = {name: constant(bound, FluxType.TIME, rows.num_rows) for name, bound in bounds.items()}
    rest = dict(zip(rows.schema.names, rows.columns, strict=True))
    return Table.of({**bounds, **{**table.key, **bounds}}, {**columns, **{**rest, **columns}})


@function()
@function("buckets", "influxdata/influxdb")
def buckets(execution: Execution) -> Stream:
    """Every bucket of the organization: name, id, organization, retention period in nanoseconds."""
    known = execution.store.buckets()
    columns = {
        "name": column([bucket.name for bucket in known], FluxType.STRING),
        "id": column([bucket.id for bucket in known], FluxType.STRING),
        "organizationID": constant(execution.organization_id, FluxType.STRING, len(known)),
        "retentionPolicy": pa.nulls(len(known), FluxType.STRING.arrow),
        "retentionPeriod": column([b.retention_seconds * NANOSECONDS for b in known], FluxType.INT),
    }
    return Tables([Table.of({"organizationID": execution.organization_id}, columns)])


@function("from", "array")
def array_from(rows: list[dict]) -> Stream:
    """A table of records, without a group key."""
    if not rows:
        raise BadArgument("rows must be non-empty")
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Tables([Table.of({}, {name: _column_of(name, [row.get(name) for row in rows]) for name in names})])


def _column_of(name: str, values: list[Scalar]) -> pa.Array:
    types = {type(value) for value in values if value is not None}
    if len(types) != 1 or not types <= set(BY_PYTHON):
        found = ", ".join(sorted({type_name(value) for value in values}))
        raise BadArgument(f"column {name} must hold values of one basic type, got {found}")
    return column(values, BY_PYTHON[types.pop()])
