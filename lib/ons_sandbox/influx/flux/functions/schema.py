"""What is in a bucket: the package ``schema``, and ``influxdb.cardinality``.

"Flux standard library / influxdata/influxdb/schema" and ".../influxdb/cardinality"
(https://docs.influxdata.com/flux/v0/stdlib/influxdata/influxdb/schema/). A series counts where it has a
point in the time asked about. As InfluxDB OSS counts, the fields of one measurement and tag set are one
series.
"""

from __future__ import annotations

from collections.abc import Iterable

from ons_sandbox.influx.flux.errors import FluxError
from ons_sandbox.influx.flux.evaluate import Closure, Scope
from ons_sandbox.influx.flux.registry import BadArgument, Execution, FluxFunction, function
from ons_sandbox.influx.flux.storage import StorageRead
from ons_sandbox.influx.flux.syntax import Binary, Function, Literal, Member, Name, Parameter
from ons_sandbox.influx.flux.tables import Stream, Table, Tables
from ons_sandbox.influx.flux.values import Duration, FluxType, Scalar, Time, column
from ons_sandbox.influx.series import Series

from .sources import from_, range_

SCHEMA = "influxdata/influxdb/schema"
THIRTY_DAYS_AGO = Duration(0, -30 * 86_400 * 1_000_000_000)
When = Time | Duration | int


@function(package=SCHEMA)
def measurements(
    execution: Execution, bucket: str, start: When = THIRTY_DAYS_AGO, stop: When | None = None
) -> Stream:
    """The measurements of a bucket."""
    return tag_values(execution, bucket, "_measurement", None, start, stop)


@function(package=SCHEMA)
def field_keys(
    execution: Execution,
    bucket: str,
    predicate: FluxFunction | None = None,
    start: When = THIRTY_DAYS_AGO,
    stop: When | None = None,
) -> Stream:
    """The fields of a bucket, or of what the predicate holds for."""
    return tag_values(execution, bucket, "_field", predicate, start, stop)


@function(package=SCHEMA)
def tag_values(
    execution: Execution,
    bucket: str,
    tag: str,
    predicate: FluxFunction | None = None,
    start: When = THIRTY_DAYS_AGO,
    stop: When | None = None,
) -> Stream:
    """The values of a tag."""
    labels = [one.labels() for one in _series(execution, bucket, predicate, start, stop)]
    return _values(sorted({label[tag] for label in labels if tag in label}))


@function(package=SCHEMA)
def tag_keys(
    execution: Execution,
    bucket: str,
    predicate: FluxFunction | None = None,
    start: When = THIRTY_DAYS_AGO,
    stop: When | None = None,
) -> Stream:
    """The tags, and the other columns that are in the group key of stored points."""
    series = _series(execution, bucket, predicate, start, stop)
    tags = sorted({tag for one in series for tag, _ in one.tags})
    return _values(["_start", "_stop", "_field", "_measurement", *tags] if series else [])


@function(package=SCHEMA)
def measurement_field_keys(
    execution: Execution,
    bucket: str,
    measurement: str,
    start: When = THIRTY_DAYS_AGO,
    stop: When | None = None,
) -> Stream:
    """The fields of one measurement."""
    return field_keys(execution, bucket, _is_measurement(measurement), start, stop)


@function(package=SCHEMA)
def measurement_tag_keys(
    execution: Execution,
    bucket: str,
    measurement: str,
    start: When = THIRTY_DAYS_AGO,
    stop: When | None = None,
) -> Stream:
    """The tags of one measurement."""
    return tag_keys(execution, bucket, _is_measurement(measurement), start, stop)


@function(package=SCHEMA)
def measurement_tag_values(
    execution: Execution,
    bucket: str,
    measurement: str,
    tag: str,
    start: When = THIRTY_DAYS_AGO,
    stop: When | None = None,
) -> Stream:
    """The values that a tag has in one measurement."""
    return tag_values(execution, bucket, tag, _is_measurement(measurement), start, stop)


@function(package="influxdata/influxdb")
def cardinality(
    execution: Execution,
    bucket: str,
    start: When,
    stop: When | None = None,
    predicate: FluxFunction | None = None,
) -> Stream:
    """How many series (measurement and tag set) there are."""
    series = _series(execution, bucket, predicate, start, stop)
    count = len({(one.measurement, one.tags) for one in series})
    return Tables([Table.of({}, {"_value": column([count], FluxType.INT)})])


def _series(
    execution: Execution, bucket: str, predicate: FluxFunction | None, start: When, stop: When | None
) -> list[Series]:
    read = range_(execution, from_(execution, bucket), start, stop)
    if not isinstance(read, StorageRead):
        raise AssertionError("a range of a bucket is read from storage")
    if predicate is None:
        return read.series()
    if not isinstance(predicate, Closure) or predicate.function.assignments:
        raise BadArgument("predicate must be a function of one expression")
    filtered, rest = read.filtered(predicate)
    if rest is not None and rest.function.result != Name("true"):
        raise FluxError("the predicate must compare columns with constants", rest.function.at)
    return filtered.series()


def _is_measurement(measurement: str) -> Closure:
    """``(r) => r._measurement == measurement``"""
    compared = Binary("==", Member(Name("r"), "_measurement"), Literal(measurement))
    return Closure(Function((Parameter("r"),), compared), Scope())


def _values(values: Iterable[Scalar]) -> Stream:
    return Tables([Table.of({}, {"_value": column(list(values), FluxType.STRING)})])
