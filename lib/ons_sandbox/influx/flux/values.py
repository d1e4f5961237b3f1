"""The values of Flux and their types.

Basic types as "Flux data types / Basic" describes them
(https://docs.influxdata.com/flux/v0/data-types/basic/). A single value is a Python object; a column is an
Arrow array, of the Arrow type that goes with the Flux type.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pyarrow as pa

from ons_sandbox.influx.times import NANOSECONDS, format_rfc3339

UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": NANOSECONDS,
    "m": 60 * NANOSECONDS,
    "h": 3600 * NANOSECONDS,
    "d": 86_400 * NANOSECONDS,
    "w": 7 * 86_400 * NANOSECONDS,
}
MONTHS = {"mo": 1, "y": 12}
DURATION_PART = re.compile(r"(\d+)(mo|ms|us|µs|ns|[ywdhms])")


class UInt(int):
    """An unsigned integer."""


@dataclass(frozen=True, slots=True, order=True)
class Time:
    """A moment, in nanoseconds since 1970."""

    nanoseconds: int

    def __str__(self) -> str:
        return format_rfc3339(self.nanoseconds)

    def plus(self, duration: Duration) -> Time:
        """This much later: months first (the day rolled back to the last of the month), then the rest."""
        seconds, rest = divmod(self.nanoseconds, NANOSECONDS)
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        month = moment.year * 12 + moment.month - 1 + duration.months
        year, month = month // 12, month % 12 + 1
        moment = moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
        whole = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
        return Time(whole * NANOSECONDS + rest + duration.nanoseconds)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: calendar months and nanoseconds, both of the same sign."""

    months: int
    nanoseconds: int

    @classmethod
    def parse(cls, text: str) -> Duration:
        """The value of a literal like ``1h30m``."""
        months = nanoseconds = 0
        for number, unit in DURATION_PART.findall(text):
            months += int(number) * MONTHS.get(unit, 0)
            nanoseconds += int(number) * UNITS.get(unit, 0)
        return cls(months, nanoseconds)

    def __neg__(self) -> Duration:
        return Duration(-self.months, -self.nanoseconds)

    @property
    def positive(self) -> bool:
        """Whether it is longer than nothing."""
        return self.months > 0 or self.nanoseconds > 0


@dataclass(frozen=True, slots=True)
class Regex:
    """A regular expression."""

    pattern: str


INFINITE = Duration(0, 2**63 - 1)  # the duration ``inf``

Scalar = str | int | float | bool | Time | Duration | Regex | None


class FluxType(Enum):
    """The types a column can have: the name in messages, the name in annotated CSV, the Arrow type."""

    STRING = ("string", "string", pa.string())
    INT = ("int", "long", pa.int64())
    UINT = ("uint", "unsignedLong", pa.uint64())
    FLOAT = ("float", "double", pa.float64())
    BOOL = ("bool", "boolean", pa.bool_())
    TIME = ("time", "dateTime:RFC3339", pa.timestamp("ns", "UTC"))

    def __init__(self, label: str, annotation: str, arrow: pa.DataType) -> None:
        self.label = label
        self.annotation = annotation
        self.arrow = arrow

    @classmethod
    def of_arrow(cls, arrow: pa.DataType) -> FluxType:
        """The type of a column."""
        return BY_ARROW[arrow]


BY_ARROW = {type_.arrow: type_ for type_ in FluxType}
BY_PYTHON: dict[type, FluxType] = {
    str: FluxType.STRING,
    int: FluxType.INT,
    UInt: FluxType.UINT,
    float: FluxType.FLOAT,
    bool: FluxType.BOOL,
    Time: FluxType.TIME,
}


def type_name(value: Any) -> str:
    """The name of a value's type, as Flux's messages have it."""
    if isinstance(value, pa.Array):
        return FluxType.of_arrow(value.type).label
    if type(value) in BY_PYTHON:
        return BY_PYTHON[type(value)].label
    names = {Duration: "duration", Regex: "regexp", type(None): "null", list: "array", dict: "record"}
    return names.get(type(value), getattr(value, "type_name", "function"))


def column(values: list[Scalar], type_: FluxType) -> pa.Array:
    """A column of single values."""
    return pa.array([bare(value) for value in values], type_.arrow)


def constant(value: Scalar, type_: FluxType, length: int) -> pa.Array:
    """A column that holds one value in every row."""
    return pa.repeat(pa.scalar(bare(value), type_.arrow), length)


def bare(value: Scalar) -> Any:
    """The value as Arrow takes it."""
    return value.nanoseconds if isinstance(value, Time) else value


def scalar_at(array: pa.Array, row: int) -> Scalar:
    """One value of a column."""
    match FluxType.of_arrow(array.type):
        case FluxType.TIME:
            nanoseconds = array[row].value
            return None if nanoseconds is None else Time(nanoseconds)
        case FluxType.UINT:
            number = array[row].as_py()
            return None if number is None else UInt(number)
        case _:
            value: Scalar = array[row].as_py()
            return value
